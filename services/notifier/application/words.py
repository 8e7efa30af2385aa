"""Numbers, dates and kinds of flow in the recipient's language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from services.notifier.domain.officials import Language
from shared.regions.codes import NATION, Level, local, zone_name

_LOCALES: Final[dict[Language, Locale]] = {"id": Locale("id", "ID"), "en": Locale("en", "GB")}
"""British English has days before months and 24-hour clocks, as Indonesia does."""
LANGUAGES: Final = tuple(_LOCALES)

KINDS: Final[dict[Language, dict[str, str]]] = {
    "id": {
        "joined": "bergabung", "rejoined": "bergabung kembali", "ended": "berakhir", "moved_in": "pindah masuk",
        "moved_out": "pindah keluar", "moved_within": "pindah di dalam wilayah", "lapsed": "menjadi nonaktif",
        "activated": "menjadi aktif", "returned": "aktif kembali",
    },
    "en": {
        "joined": "joined", "rejoined": "joined again", "ended": "ended", "moved_in": "moved in",
        "moved_out": "moved out", "moved_within": "moved within", "lapsed": "lapsed",
        "activated": "became active", "returned": "active again",
    },
}  # fmt: skip
"""In the order of the message. A kind that a newer coverage adds appears under its own name."""

LEVELS: Final[dict[Language, dict[Level, str]]] = {
    "id": {"nation": "nasional", "province": "provinsi", "regency": "kabupaten/kota", "district": "kecamatan",
           "village": "desa/kelurahan"},
    "en": {"nation": "nation", "province": "province", "regency": "regency", "district": "district",
           "village": "village"},
}  # fmt: skip


class Words:
    """Writes values in one language."""

    def __init__(self, language: Language) -> None:
        self._locale = _LOCALES[language]
        self._language = language
        # Babel loads a locale at first use, which takes about 0.3 s: load it now, not while a message waits.
        self.instant(NATION, datetime.fromtimestamp(0, UTC))

    def number(self, value: int) -> str:
        """Return 1.710.891 or 1,710,891."""
        return str(format_decimal(value, format="#,##0", locale=self._locale))

    def signed(self, value: int) -> str:
        """Return the number with its sign: +57, −3."""
        return ("+" if value > 0 else "−" if value < 0 else "") + self.number(abs(value))

    def per_cent(self, value: Decimal) -> str:
        """Return a figure in per cent with two decimals: 38,09%."""
        return str(format_percent(value / 100, format="#,##0.00%", locale=self._locale, decimal_quantization=False))

    def level(self, value: Decimal) -> str:
        """Return a rule's level with its own decimals: 40%, 43,54%."""
        return str(format_percent(value, format="#,##0.######%", locale=self._locale, decimal_quantization=False))

    def kind(self, kind: str) -> str:
        """Return a kind of flow in words."""
        return KINDS[self._language].get(kind, kind)

    def place(self, level: Level) -> str:
        """Return a level of region in words."""
        return LEVELS[self._language][level]

    def day(self, value: date) -> str:
        """Return 21 November 2026."""
        return str(format_date(value, "d MMMM y", locale=self._locale))

    def instant(self, region: str, value: datetime) -> str:
        """Return day and time in the region's time zone, with the name of the zone."""
        there = local(region, value)
        return f"{self.day(there.date())} {format_time(there, 'short', locale=self._locale)} {zone_name(region)}"
