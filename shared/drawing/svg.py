"""Elements of SVG as markup: text is escaped, and numbers have one decimal, so the same drawing is the same bytes."""

from __future__ import annotations

from markupsafe import Markup, escape

Attribute = str | float | None


def element(tag: str, *inside: str, **attributes: Attribute) -> Markup:
    """Return an element; `class_` stands for class, `stroke_width` for stroke-width. None leaves an attribute out.

    What is inside is escaped unless it is Markup.
    """
    written = "".join(f' {_name(name)}="{_value(value)}"' for name, value in attributes.items() if value is not None)
    content = Markup("").join(inside)
    return Markup(f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>")  # noqa: S704


def number(value: float) -> str:
    """Return at most one decimal: a tenth of a unit is less than a pixel on any screen."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> Markup:
    return escape(value if isinstance(value, str) else number(value))
