"""Officials: who they are, what they are responsible for, how they are spoken to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shared.regions.codes import holds

Language = Literal["id", "en"]
ZoneName = Literal["WIB", "WITA", "WIT"]


class Role(StrEnum):
    """Offices, from the village to the nation."""

    KEPALA_DESA = "kepala_desa"
    LURAH = "lurah"
    CAMAT = "camat"
    BUPATI = "bupati"
    WALIKOTA = "walikota"
    GUBERNUR = "gubernur"
    SEKDA = "sekda"
    KEMENKO_PMK = "kemenko_pmk"
    KEMNAKER = "kemnaker"
    KEMENDAGRI = "kemendagri"


@dataclass(frozen=True, slots=True)
class Official:
    """Someone who hears; `region` is what they are responsible for."""

    id: str
    name: str
    role: Role
    region: str
    email: str
    language: Language
    time_zone: ZoneName


def hearers(officials: Iterable[Official], roles: Collection[Role], region: str) -> list[Official]:
    """Return those with one of the roles whose region is this one or holds it."""
    return [who for who in officials if who.role in roles and holds(who.region, region)]
