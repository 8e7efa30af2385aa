"""The types of the columns in files of reference data. Each refusal has a code, what is wrong, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, LiteralString

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.regions.successors import Ambiguous

MAX_WHOLE: Final = 1_000_000_000
"""More than three times the nation: a larger figure is a slip."""
MAX_TEXT: Final = 500
"""A sentence or two: a longer text is a document, not a source or a definition."""
MAX_CADENCE_DAYS: Final = 3_660
"""Ten years: nobody waits for a source that speaks more rarely."""
_SHOWN: Final = 40
_WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_RATIO: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,12})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
NOT_WHOLE: Final[tuple[tuple[str, LiteralString, str, str], ...]] = (
    (r".*%.*", "percentage", "is a percentage", "give the whole number that it was computed from"),
    (r"[0-9]{1,18}", "too_large", f"is over {MAX_WHOLE}", "check the figure"),
    (r"-.*", "negative", "is negative", "write 0 or more"),
    (r"\d{1,3}([.,  ]\d{3})+", "separators", "has separators, which may also be decimals", "write the digits alone"),
    (r"\d+[.,]\d+", "decimals", "has decimals; people and villages are whole", "give the exact number"),
    (
        r"(?i)[0-9.,]+e\+?[0-9]+|[0-9]{1,2}[-/ ][a-z]{3,9}|[a-z]{3,9}[-/ ][0-9]{2,4}",
        "not_whole",
        "is a number that a spreadsheet shortened or took for a date",
        "format its column as text, enter the number again, and save the file as CSV",
    ),
    (
        r"(?s).*",
        "not_whole",
        "is no whole number (a rounded figure in words is none either)",
        "give the exact number in digits",
    ),
)
"""What stands in the place of a whole number: its pattern, our code, what is wrong, what to do. The first one fits."""

HomeOf = Callable[[str], "str | Ambiguous | None"]


@dataclass(frozen=True, slots=True)
class Reading:
    """The context of a validation: which regions are in force, and whether cells are all texts, as in CSV."""

    home_of: HomeOf
    is_csv: bool


def _reading(info: ValidationInfo) -> Reading:
    assert isinstance(info.context, Reading), "rows are validated with a Reading as their context"
    return info.context


def published(types: list[str], description: str, **more: Any) -> WithJsonSchema:
    """Return the JSON Schema under which a column is published."""
    return WithJsonSchema({"type": types, "description": description, **more})


def fault(code: LiteralString, wrong: str, fix: str, field: str = "") -> PydanticCustomError:
    """Return the error to raise. `field` names the column where a check looks at the whole row."""
    return PydanticCustomError(code, "{wrong}; {fix}", {"wrong": wrong, "fix": fix, "field": field})


def shown(value: Any) -> str:
    """Return a value of the file as a message may repeat it: short, on one line."""
    text = "" if value is None else str(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def wrong_type(value: Any) -> PydanticCustomError:
    """Return the error for a JSON value of another type than the column's."""
    return fault(
        "wrong_type", f"{shown(value)} is of another JSON type", "write whole numbers bare and texts in quotes"
    )


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise wrong_type(value)


def _region(value: object, info: ValidationInfo) -> str:
    """Return a region in force. A retired one is refused with its successor, and never replaced silently."""
    text = _text(value)
    home = _reading(info).home_of(text)
    if home == text:
        return text
    if home is None:
        raise fault("unknown_region", f"{shown(text)} is no region", "write its Kemendagri code (11, 11.01) or ID")
    if isinstance(home, Ambiguous):
        wrong = f"{text} is retired and may stand for {', '.join(home.candidates)}"
        raise fault("ambiguous_region", wrong, "state the figure of each region as it is now")
    wrong = f"{text} is retired; its successor is {home}, whose figure this need not be"
    raise fault("retired_region", wrong, f"write {home} if the figure is of that region")


def _day(value: object) -> date:
    text = _text(value)
    if not _DATE.fullmatch(text):
        raise fault("malformed_date", f"{shown(text)} is no date", "write it as 2023-09-01")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise fault("malformed_date", f"{shown(text)} is not in the calendar", "check day and month") from error


def _remark(value: object) -> str:
    text = _text(value)
    if len(text) > MAX_TEXT:
        raise fault("too_long", f"has over {MAX_TEXT} characters", "shorten it")
    if text and not text.isprintable():
        raise fault("unprintable", "has a line break or another sign that cannot be printed", "write it on one line")
    return text


def _full_text(value: object) -> str:
    text = _remark(value)
    if not text:
        raise fault("empty", "is empty", "say who published it, or what it counts")
    return text


def whole(value: object, *, text_allowed: bool) -> int | None:
    """Return an exact whole number; None, which withdraws, where there is no value."""
    if value is None:
        return None
    text = str(value)
    if not _WHOLE.fullmatch(text) or int(text) > MAX_WHOLE:
        code, wrong, fix = next(reason for pattern, *reason in NOT_WHOLE if re.fullmatch(pattern, text))
        raise fault(code, f"{shown(text)} {wrong}", fix)
    if isinstance(value, str) and not text_allowed:
        raise wrong_type(value)
    return int(text)


def _whole(value: object, info: ValidationInfo) -> int | None:
    return whole(value, text_allowed=_reading(info).is_csv)


def _cadence(value: object, info: ValidationInfo) -> int | None:
    days = _whole(value, info)
    if days is not None and not 1 <= days <= MAX_CADENCE_DAYS:
        raise fault("out_of_range", f"{days} days is no cadence", f"write 1 to {MAX_CADENCE_DAYS}")
    return days


def _ratio(value: object) -> Decimal | None:
    """Return a ratio exactly as it was written, digit by digit."""
    if value in (None, ""):
        return None
    # str() writes a small decimal with an exponent.
    text = f"{value:f}" if isinstance(value, Decimal) and -18 < value.adjusted() <= 0 else str(value)
    if "%" in text:
        raise fault("percentage", f"{shown(text)} is a percentage", "write 40 % as 0.40")
    if not _RATIO.fullmatch(text):
        raise fault("malformed_ratio", f"{shown(text)} is no decimal from 0 to 1", "write digits and a dot: 0.4354")
    if Decimal(text) > 1:
        raise fault("over_1", f"{shown(text)} is over 1, which reads as a percentage", "write 40 % as 0.40")
    return Decimal(text)


def _split(value: object, info: ValidationInfo) -> object:
    return value.split("|") if _reading(info).is_csv and isinstance(value, str) else value


def _once(kinds: list[str] | None) -> list[str] | None:
    if kinds and len(set(kinds)) < len(kinds):
        raise fault("repeated", f"{shown('|'.join(kinds))} names one twice", "name each once")
    return kinds


Region = Annotated[str, BeforeValidator(_region), Field(description="Kemendagri code in force, or ID for the nation")]
Day = Annotated[date, BeforeValidator(_day)]
OptionalDay = Annotated[date | None, BeforeValidator(lambda value: None if value in (None, "") else _day(value))]
Text = Annotated[str, BeforeValidator(_full_text), Field(min_length=1, max_length=MAX_TEXT)]
Remark = Annotated[
    str,
    BeforeValidator(_remark),
    published(["string", "null"], "what it rests on, for example a decree", maxLength=MAX_TEXT),
]
Whole = Annotated[Annotated[int, Field(ge=0, le=MAX_WHOLE)] | None, BeforeValidator(_whole)]
Cadence = Annotated[Annotated[int, Field(ge=1, le=MAX_CADENCE_DAYS)] | None, BeforeValidator(_cadence)]
Ratio = Annotated[
    Decimal | None,
    BeforeValidator(_ratio),
    published(["string", "number", "null"], "an exact decimal from 0 to 1: 0.40, not 40 %"),
]
VillageKinds = Annotated[
    list[Literal["desa", "kelurahan", "desa_adat"]] | None,
    BeforeValidator(_split),
    AfterValidator(_once),
    Field(description="kinds of village; in CSV joined by |"),
]
