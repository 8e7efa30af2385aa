"""Kinds of worker in the sample, and how common each is. The shares are invented; the combinations are eligible."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

_BASIC: Final = ("JKK", "JKM")
_SAVING: Final = ("JKK", "JKM", "JHT")
_FULL: Final = ("JKK", "JKM", "JHT", "JP", "JKP")
_PUBLIC_PAYERS: Final = ("apbd_province", "apbd_regency", "village_fund")


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of worker; `in_hundred` is its share of all."""

    in_hundred: int
    segment: str
    groups: tuple[str, ...]
    payer: str
    programmes: tuple[str, ...]

    @property
    def source(self) -> str:
        """Who reports them: the province's own office for those a public budget pays, else the insurer."""
        return "dinas/aceh" if self.payer in _PUBLIC_PAYERS else "bpjs/aceh"


RISING: Final = Profile(12, "BPU", ("vulnerable",), "apbd_regency", _BASIC)
"""Vulnerable workers whom a regency's budget pays for: the way coverage really rises in leaps."""

PROFILES: Final = (
    RISING,
    Profile(34, "PU", (), "employer", _FULL),
    Profile(8, "PU", ("non_asn",), "apbd_regency", _BASIC),
    Profile(6, "PU", ("village_official",), "village_fund", _SAVING),
    Profile(20, "BPU", (), "self", _SAVING),
    Profile(5, "BPU", ("vulnerable",), "apbd_province", _BASIC),
    Profile(3, "BPU", ("vulnerable",), "csr", _BASIC),
    Profile(10, "JAKON", (), "employer", _BASIC),
    Profile(2, "PMI", (), "self", _SAVING),
)


def draw_profile(chance: Random) -> Profile:
    """Return a kind of worker, each as often as its share says."""
    return chance.choices(PROFILES, [profile.in_hundred for profile in PROFILES])[0]
