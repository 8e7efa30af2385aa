"""What may be wrong with one cell of a file of reference data: each fault with its code, its reason and a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.regions.successors import Ambiguous

MAX_WHOLE: Final = 1_000_000_000
"""More than three times the nation: beyond it a figure is a slip."""
MAX_TEXT: Final = 500
"""A sentence or two; longer is a document, not a source or a definition."""
_SHOWN: Final = 40
_WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_RATIO: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,12})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

HomeOf = Callable[[str], "str | Ambiguous | None"]


class Number(str):
    """A number of a JSON file as it was written, so that none is rounded by being read."""


class Misfit(str):
    """A JSON value of another type than its column takes. In quotes or not, it may look right, and is not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason to refuse: a code for programs, what is wrong, and what to do."""

    code: str
    wrong: str
    fix: str


Check = Callable[[str], "Fault | None"]


def shown(value: str) -> str:
    """Return a stranger's value as it may be quoted back: short, on one line."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def fault_of_region(text: str, home_of: HomeOf) -> Fault | None:
    """Return what is wrong with a region; a retired code is named its successor, but never moved silently."""
    home = home_of(text)
    if home == text:
        return None
    if home is None:
        return Fault("unknown_region", f"{shown(text)} is no region", "write its Kemendagri code (11, 11.01) or ID")
    if isinstance(home, Ambiguous):
        return Fault(
            "ambiguous_region",
            f"{text} is retired and may stand for {', '.join(home.candidates)}",
            "state the figure of each region as it is now",
        )
    return Fault(
        "retired_region",
        f"{text} is retired; its successor is {home}, whose figure this need not be",
        f"write {home} if the figure is of that region",
    )


def fault_of_type(text: str) -> Fault | None:
    """Return what is wrong with a value that only its JSON type speaks against."""
    if not isinstance(text, Misfit):
        return None
    return Fault("wrong_type", f"{shown(text)} is of another JSON type", "write whole numbers bare and texts in quotes")


def fault_of_date(text: str) -> Fault | None:
    """Return what is wrong with a date."""
    if _DATE.fullmatch(text):
        try:
            date.fromisoformat(text)
        except ValueError:
            return Fault("malformed_date", f"{shown(text)} is not in the calendar", "check day and month")
        return None
    return Fault("malformed_date", f"{shown(text)} is no date", "write it as 2023-09-01")


def fault_of_whole(text: str) -> Fault | None:
    """Return what is wrong with a whole number; empty withdraws the figure and is right."""
    if text == "" or (_WHOLE.fullmatch(text) and int(text) <= MAX_WHOLE):
        return None
    value = shown(text)
    if "%" in text:
        return Fault("percentage", f"{value} is a percentage", "give the whole number that it was computed from")
    if _WHOLE.fullmatch(text):
        return Fault("too_large", f"{value} is over {MAX_WHOLE}", "check the figure")
    if text.startswith("-"):
        return Fault("negative", f"{value} is negative", "write 0 or more")
    if re.fullmatch(r"\d{1,3}([.,  ]\d{3})+", text):
        return Fault("separators", f"{value} has separators, which may also be decimals", "write the digits alone")
    if re.fullmatch(r"\d+[.,]\d+", text):
        return Fault("decimals", f"{value} has decimals; people and villages are whole", "give the exact number")
    return Fault(
        "not_whole",
        f"{value} is no whole number (a rounded figure in words is none either)",
        "give the exact number in digits",
    )


def fault_of_ratio(text: str) -> Fault | None:
    """Return what is wrong with a ratio, an exact decimal from 0 to 1; empty withdraws."""
    if text == "":
        return None
    value = shown(text)
    if "%" in text:
        return Fault("percentage", f"{value} is a percentage", "write 40 % as 0.40")
    if not _RATIO.fullmatch(text):
        return Fault("malformed_ratio", f"{value} is no decimal from 0 to 1", "write digits and a dot: 0.4354")
    if float(text) > 1:
        return Fault("over_1", f"{value} is over 1, which reads as a percentage", "write 40 % as 0.40")
    return None


def fault_of_text(text: str) -> Fault | None:
    """Return what is wrong with a name, a source or a definition."""
    if not text:
        return Fault("empty", "is empty", "say who published it, or what it counts")
    return fault_of_remark(text)


def fault_of_remark(text: str) -> Fault | None:
    """Return what is wrong with a text that may be empty."""
    if len(text) > MAX_TEXT:
        return Fault("too_long", f"has over {MAX_TEXT} characters", "shorten it")
    if text and not text.isprintable():
        return Fault("unprintable", "has a line break or another sign that cannot be printed", "write it on one line")
    return None


def one_of(choices: Sequence[str]) -> Check:
    """Return a check that the text is one of the choices."""

    def check(text: str) -> Fault | None:
        return None if text in choices else _no_choice(text, choices)

    return check


def some_of(choices: Sequence[str]) -> Check:
    """Return a check that the text is choices joined by |; none withdraws."""

    def check(text: str) -> Fault | None:
        parts = text.split("|") if text else []
        if len(set(parts)) < len(parts):
            return Fault("repeated", f"{shown(text)} names one twice", "name each once")
        return next((_no_choice(part, choices) for part in parts if part not in choices), None)

    return check


def _no_choice(text: str, choices: Sequence[str]) -> Fault:
    named = ", ".join(choice or "nothing" for choice in choices)
    return Fault("unknown_value", f"{shown(text)} is none of {named}", "write one of them")
