"""Officials: who holds a role for a region at an instant, who stands in for them, and when they want quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from services.notifier.engine.instants import DAY_MS, local_day, local_ms
from shared.regions.codes import Level, level_of, lineage_of

ChannelKind = Literal["email", "webhook", "chat"]


class Role(StrEnum):
    """Offices, from the nation to the village."""

    KEMENKO_PMK = "kemenko_pmk"
    KEMNAKER = "kemnaker"
    KEMENDAGRI = "kemendagri"
    BPJS_PUSAT = "bpjs_pusat"
    GUBERNUR = "gubernur"
    SEKDA_PROVINSI = "sekda_provinsi"
    BUPATI = "bupati"
    SEKDA = "sekda"
    CAMAT = "camat"
    KEPALA_DESA = "kepala_desa"


LEVELS: Final[Mapping[Role, Level]] = {
    Role.KEMENKO_PMK: "nation", Role.KEMNAKER: "nation", Role.KEMENDAGRI: "nation", Role.BPJS_PUSAT: "nation",
    Role.GUBERNUR: "province", Role.SEKDA_PROVINSI: "province", Role.BUPATI: "regency", Role.SEKDA: "regency",
    Role.CAMAT: "district", Role.KEPALA_DESA: "village",
}  # fmt: skip
"""The level of the regions that a role is held for; a walikota is `bupati`, a lurah `kepala_desa`."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach an official."""

    kind: ChannelKind
    address: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another, in milliseconds after midnight; over midnight where `until_ms` is earlier;
    none where both are equal.
    """

    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Official:
    """Someone who hears. `valid_from` and `valid_until` are days of the region's zone, both included."""

    id: str
    name: str
    role: Role
    region: str
    channels: tuple[Channel, ...]
    language: Literal["id", "en"] = "id"
    quiet_hours: QuietHours | None = None
    valid_from: date = date.min
    valid_until: date = date.max
    deputy: str | None = None

    def in_office(self, now: int) -> bool:
        """Say whether the day of the instant, in the region's zone, lies in the term."""
        return self.valid_from.toordinal() <= local_day(now, self.region) <= self.valid_until.toordinal()

    def quiet_until(self, now: int) -> int | None:
        """Return when the quiet hours end in which the instant lies; None outside them."""
        if self.quiet_hours is None:
            return None
        start, end = self.quiet_hours.from_ms, self.quiet_hours.until_ms
        time = local_ms(now, self.region) % DAY_MS
        quiet = start <= time < end if start <= end else (time >= start or time < end)
        return now + (end - time) % DAY_MS if quiet else None


def post_of(role: Role, region: str) -> str | None:
    """Return the region for which the role hears of an alert in `region`; None where the role is below it."""
    return next((place for place in lineage_of(region) if level_of(place) == LEVELS[role]), None)


class Directory:
    """All officials of a file, by id and by post."""

    def __init__(self, officials: Iterable[Official] = ()) -> None:
        # None, the deputy of one who has none, names nobody.
        self._by_id: dict[str | None, Official] = {
            official.id: official for official in sorted(officials, key=lambda official: official.id)
        }
        self._by_post: dict[tuple[Role, str], list[Official]] = {}
        for official in self._by_id.values():
            self._by_post.setdefault((official.role, official.region), []).append(official)

    def __getitem__(self, official: str) -> Official:
        """Return the official of that id, who is in the file."""
        return self._by_id[official]

    def get(self, official: str) -> Official | None:
        """Return the official of that id, in office or not."""
        return self._by_id.get(official)

    def all(self) -> Iterable[Official]:
        """Return all officials, by id."""
        return self._by_id.values()

    def holders(self, role: Role, post: str, now: int) -> list[Official]:
        """Return, by id, those who hold the role for the region `post`, else the deputy of the last who did."""
        listed = self._by_post.get((role, post), [])
        holders = [official for official in listed if official.in_office(now)]
        return holders or self._deputy(listed, local_day(now, post), now)

    def _deputy(self, listed: list[Official], today: int, now: int) -> list[Official]:
        former = [official for official in listed if official.valid_until.toordinal() < today]
        if not former:
            return []
        last = max(former, key=lambda official: (official.valid_until, official.valid_from))
        deputy = self._by_id.get(last.deputy)
        return [deputy] if deputy is not None and deputy.in_office(now) else []
