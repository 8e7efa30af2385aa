"""Officials: who they are, their region, and how they are addressed."""

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
    """Someone who receives alerts about `region` and the regions below it."""

    id: str
    name: str
    role: Role
    region: str
    email: str
    language: Language
    time_zone: ZoneName


def recipients(officials: Iterable[Official], roles: Collection[Role], region: str) -> list[Official]:
    """Return the officials with one of the roles whose region is this one or holds it."""
    return [official for official in officials if official.role in roles and holds(official.region, region)]
