"""Parent, level and time zone of a Kemendagri code, read from the code alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final, Literal

NATION: Final = "ID"
PROVINCE_CODE: Final = 2
REGENCY_CODE: Final = 5
DISTRICT_CODE: Final = 8
"""Length of a code of that level in characters. The nation's is as long as a province's."""
WIB: Final = timezone(timedelta(hours=7), "WIB")
WITA: Final = timezone(timedelta(hours=8), "WITA")
WIT: Final = timezone(timedelta(hours=9), "WIT")

Level = Literal["nation", "province", "regency", "district", "village"]
_LEVELS: Final[tuple[Level, ...]] = ("province", "regency", "district", "village")
_WITA_PROVINCES: Final = frozenset({"51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"})
_FIRST_WIT_PROVINCE: Final = "81"


def level_of(code: str) -> Level:
    """Return the level, which follows from the number of parts between dots."""
    return "nation" if code == NATION else _LEVELS[code.count(".")]


def parent_of(code: str) -> str | None:
    """Return the code of the region above; None for the nation."""
    if code == NATION:
        return None
    head, dot, _ = code.rpartition(".")
    return head if dot else NATION


def lineage_of(code: str) -> tuple[str, ...]:
    """Return the region and all regions above it, ending with the nation."""
    lineage = [code]
    while (parent := parent_of(lineage[-1])) is not None:
        lineage.append(parent)
    return tuple(lineage)


def regency_of(code: str) -> str:
    """Return the regency of a regency, district or village."""
    return code[:REGENCY_CODE]


def holds(region: str, place: str) -> bool:
    """Say whether `place` is `region` or lies below it."""
    return region in (NATION, place) or place.startswith(region + ".")


def may_read(home: str, place: str) -> bool:
    """Say whether an official of `home` reads all about `place`.

    They do of home and all below it, of all above it, and of its siblings unless these are villages (ADR 0033).
    """
    if holds(home, place) or holds(place, home):
        return True
    # Codes of callers may be none, so that no level is asked for: a village's code has three dots.
    return parent_of(place) == parent_of(home) and place.count(".") < len(_LEVELS) - 1


def zone_of(code: str) -> timezone:
    """Return the region's time zone: WIB, WITA or WIT; the nation's is WIB."""
    province = code[:2]
    if province in _WITA_PROVINCES:
        return WITA
    return WIT if province >= _FIRST_WIT_PROVINCE and code != NATION else WIB


def zone_name(code: str) -> str:
    """Return "WIB", "WITA" or "WIT"."""
    return str(zone_of(code).tzname(None))


def local(code: str, instant: datetime) -> datetime:
    """Return the instant in the region's time zone."""
    return instant.astimezone(zone_of(code))
