"""Numbers and days on a chart, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

Language = Literal["id", "en"]
Form = Literal["number", "ratio"]
"""What a value is: a count of people, or a ratio that is written in per cent."""

_LOCALES: Final[Mapping[Language, Locale]] = {"id": Locale("id", "ID"), "en": Locale("en", "GB")}
"""British English has days before months, as Indonesian does."""


def value_label(value: float, form: Form, language: Language, decimals: int = 2) -> str:
    """Return 1.710.891 for a count, and 38,09% for a ratio; `decimals` is for ratios."""
    if form == "number":
        return format_decimal(value, format="#,##0", locale=_LOCALES[language])
    pattern = f"#,##0.{'0' * decimals}%" if decimals else "#,##0%"
    return format_decimal(round(value, decimals + 2), format=pattern, locale=_LOCALES[language])


def bound_label(value: float, form: Form, language: Language) -> str:
    """Return a line's value with no more decimals than it has: 40%, 43,54%."""
    pattern = "#,##0" if form == "number" else "#,##0.##%"
    return format_decimal(value, format=pattern, locale=_LOCALES[language])


def day_label(day: date, language: Language) -> str:
    """Return 30 Sep 2026."""
    return format_date(day, format="d MMM y", locale=_LOCALES[language])
