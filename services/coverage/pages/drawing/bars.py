"""Bars beside numbers in a table. The numbers are the text, so a bar is hidden from screen readers.

A bar is as wide as its cell; all bars have the same scale, so that rows and pages can be compared. A table has one in
each row, so they are written as text.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from shared.drawing.svg import number

FULL: Final = 125
"""Width in units, of which one is one per cent: enough to see that a region is over 100%. Farther is an arrow."""
_WHOLE: Final = 100
_HEIGHT: Final = 10
_ARROW: Final = 4


def bar(ratio: float | None, target: float | None = None, *, met: bool | None = None) -> Markup:
    """Return a bar from 0 to the ratio, on a ground that ends at 100%, with a mark at the target.

    `met` chooses the colour; it is decided on whole numbers, so the ratio does not say it. None is for bars without a
    target. If the ratio is not known or suppressed, it is None, and so must be all that would tell it.
    """
    parts = [_GROUND]
    if ratio is not None:
        parts.append(_box(_length(ratio), "bar-plain" if met is None else "bar-met" if met else "bar-short"))
        if ratio * _WHOLE > FULL:
            parts.append(_BEYOND)
    if target is not None:
        parts.append(f'<path d="M{number(_length(target))} 0v{_HEIGHT}" class="bar-target"></path>')
    return Markup(f"{_BEGIN}{''.join(parts)}</svg>")  # noqa: S704 - numbers and classes of ours


def _length(ratio: float) -> float:
    return min(FULL, ratio * _WHOLE)


def _box(width: float, class_: str) -> str:
    return f'<path d="M0 0h{number(width)}v{_HEIGHT}H0z" class="{class_}"></path>'


_GROUND: Final = _box(_WHOLE, "bar-ground")
_BEYOND: Final = f'<path d="M{FULL - _ARROW} 0h{_ARROW}v{_HEIGHT}h-{_ARROW}l{_ARROW}-5z" fill="#FFF"></path>'
_BEGIN: Final = f'<svg class="bar" viewBox="0 0 {FULL} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
