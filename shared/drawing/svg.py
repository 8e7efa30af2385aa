"""Elements of SVG as markup: text is escaped, and numbers have one decimal, so the same drawing is the same bytes."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

Attribute = str | float | None
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML may have, escaped or not; a reader of SVG would refuse the drawing."""


def element(tag: str, *inside: str, **attributes: Attribute) -> Markup:
    """Return an element; `class_` stands for class, `stroke_width` for stroke-width. None leaves an attribute out.

    What is inside, and what attributes hold, is escaped unless it is Markup. Characters that XML forbids are left out.
    """
    written = "".join(f' {_name(name)}="{_value(value)}"' for name, value in attributes.items() if value is not None)
    content = Markup("").join(one if isinstance(one, Markup) else _legal(one) for one in inside)
    # Never `<li/>`, which HTML takes for a beginning.
    return Markup(f"<{tag}{written}>{content}</{tag}>")  # noqa: S704


def number(value: float) -> str:
    """Return at most one decimal: a tenth of a unit is less than a pixel on any screen."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> Markup:
    if isinstance(value, Markup):
        return value
    return escape(_legal(value) if isinstance(value, str) else number(value))


def _legal(text: str) -> str:
    return _NOT_XML.sub("", text)
