"""Numbers, dates and terms in the reader's language. Templates know it as `w`."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from services.notifier.engine.kinds import Figure
from services.notifier.engine.rules import Language, Slice
from services.notifier.messages.terms import TERMS, Terms
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION, level_of, local, parent_of, zone_name

_LOCALES: Final[dict[Language, Locale]] = {"id": Locale("id", "ID"), "en": Locale("en", "GB")}
"""British English has days before months and 24-hour clocks, as Indonesia does."""
LANGUAGES: Final = tuple(_LOCALES)
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
"""Units of a duration, in seconds."""
_NAME_LENGTH: Final = 80
"""Longest name that is written in full; the longest of a region and its parents has about 70 characters."""
_KELURAHAN: Final = "1"
"""First digit of the village part of a kelurahan's code."""


class Words:
    """Writes values in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = _LOCALES[language]
        self._terms: Terms = TERMS[language]
        # Babel loads a locale at first use, which takes about 0.3 s: load it now, not while a message waits.
        self.instant(NATION, datetime.fromtimestamp(0, UTC))

    # Numbers.

    def number(self, value: int) -> str:
        """Return 1.710.891 or 1,710,891; with − where it is negative."""
        return ("−" if value < 0 else "") + _written(abs(value), "#,##0", self._locale)

    def signed(self, value: int) -> str:
        """Return the number with its sign: +57, −3."""
        return ("+" if value > 0 else "") + self.number(value)

    def ratio(self, of: Figure) -> str:
        """Return numerator ÷ denominator in per cent, half-even to two decimals: 38,09%."""
        numerator, denominator = of
        if denominator == 0:
            return "–"
        hundredths = round(Fraction(numerator * 10_000, denominator))
        return ("−" if hundredths < 0 else "") + _written(abs(hundredths), "#,##0.00%", self._locale, 10_000)

    def level(self, value: Fraction | float) -> str:
        """Return a rule's or path's ratio with its own decimals: 40%, 43,54%."""
        exact = value if isinstance(value, Fraction) else Fraction(repr(value))
        return _written(exact.numerator, "#,##0.######%", self._locale, exact.denominator)

    def line(self, value: Fraction) -> str:
        """Return a line that counts people, villages or days."""
        return _written(value.numerator, "#,##0.######", self._locale, value.denominator)

    def persons(self, count: int, *, signed: bool = False) -> str:
        """Return "6.198 orang"; in English "1 person", "2 people"."""
        return self._counted(count, "person", signed)

    def villages(self, count: int) -> str:
        """Return "7 desa"; in English "1 village", "2 villages"."""
        return self._counted(count, "village", False)

    def _counted(self, count: int, what: str, signed: bool) -> str:
        form = what if abs(count) == 1 else f"{what}s"
        return f"{self.signed(count) if signed else self.number(count)} {self.term('counted', form)}"

    # Time.

    def day(self, value: date) -> str:
        """Return 21 November 2026."""
        return str(format_date(value, "d MMMM y", locale=self._locale))

    def instant(self, region: str, value: datetime) -> str:
        """Return day and time in the region's time zone, with the name of the zone."""
        there = local(region, value)
        return f"{self.day(there.date())} {format_time(there, 'short', locale=self._locale)} {zone_name(region)}"

    def duration(self, value: timedelta | int) -> str:
        """Return the two largest units of a duration, or of milliseconds: "3 hari 2 jam"."""
        seconds = max(0, value // 1000 if isinstance(value, int) else value // timedelta(seconds=1))
        parts = list[str]()
        for unit, size in _UNITS:
            count, seconds = divmod(seconds, size)
            if count:
                parts.append(str(format_unit(count, f"duration-{unit}", "long", locale=self._locale)))
        zero = str(format_unit(0, "duration-second", "long", locale=self._locale))
        return " ".join(parts[:2]) or zero

    # Terms.

    def term(self, kind: str, key: str) -> str:
        """Return a term of a vocabulary; a key that a newer coverage adds stands for itself."""
        return self._terms.get(kind, {}).get(key, key)

    def people(self, measure: str, of: Slice | None = None, basis: str = "workers") -> str:
        """Return "peserta aktif", or the people of a slice or of a basis."""
        kind, key = ("basis", basis) if of is None else (of.dimension, of.value)
        patterns: Mapping[str, str] = self._terms["people"]
        pattern = patterns.get(f"{kind} {key}") or patterns.get(kind) or patterns["basis workers"]
        value = key if of is None else self.term(kind, key)
        return pattern.format(measure=self.term("measure", measure), value=value)

    def list(self, names: Sequence[str]) -> str:
        """Return "a, b, dan c". An official's role stands in words."""
        return format_list([self.name(self.term("role", name)) for name in names], locale=self._locale)

    def upper(self, text: str) -> str:
        """Return the text with a capital at its beginning; the other letters stay."""
        return text[:1].upper() + text[1:]

    # Names.

    def name(self, value: str) -> str:
        """Return a name on one line, cut where it is longer than any that is real."""
        return cut(one_line(value), _NAME_LENGTH)

    def place(self, region: str, name: str) -> str:
        """Return the region's name with those above it up to the regency, since names repeat."""
        level = level_of(region)
        if level == "village":
            village = "kelurahan" if region.rpartition(".")[2].startswith(_KELURAHAN) else "desa"
            return self.name(f"{self.term('place', village)} {name}") + self._above(region, ("district", "regency"))
        if level == "district":
            return self.name(f"{self.term('place', level)} {name}") + self._above(region, ("regency",))
        return self.name(name)

    def _above(self, region: str, levels: Sequence[str]) -> str:
        above, found = parent_of(region), ""
        for level in levels:
            known = catalogue().name(above) if above is not None else None
            if known is not None:
                prefix = self.term("place", "short district") + " " if level == "district" else ""
                found += f", {prefix}{known.replace('Kabupaten ', 'Kab. ')}"
            above = parent_of(above) if above is not None else None
        return found


def one_line(text: str) -> str:
    """Return the text on one line, without control characters and without marks that turn its direction."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return " ".join(text.split())


def cut(text: str, most: int) -> str:
    """Return the text, or its beginning with … where it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


@lru_cache(maxsize=1024)  # A message says its numbers again in text, HTML and short form; levels are the same in all.
def _written(numerator: int, pattern: str, locale: Locale, denominator: int = 1) -> str:
    """Return numerator ÷ denominator by the pattern. Lines and ratios have few decimals, so nothing is lost."""
    return str(format_decimal(Decimal(numerator) / Decimal(denominator), pattern, locale, False))
