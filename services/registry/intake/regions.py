"""Resolves the region code in a fact to the region in force (semantics.md, "Region tables are dated")."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from services.registry.domain.errors import Refusal, RefusalCode
from shared.contracts.facts import AS_TEXT
from shared.regions.bps import crosswalk
from shared.regions.codes import level_of
from shared.regions.successors import Ambiguous, Homes

_FIELD: Final = "data.region"
_TOO_HIGH: Final = frozenset({"nation", "province"})
_CANDIDATES_SHOWN: Final = 5
_WITHOUT_ITS_ZERO: Final = re.compile(r"\d\d[.,]\d", re.ASCII)
_UNKNOWN: Final = Refusal(
    RefusalCode.UNKNOWN_REGION,
    _FIELD,
    "is not a regency, district or village of the Kemendagri list in force, nor a retired code with a known successor; "
    "send a code in force, with dots, such as 63.10.03.2004 (BPS codes are another scheme)",
)
_NO_COUNTERPART: Final = Refusal(
    RefusalCode.UNKNOWN_REGION,
    _FIELD,
    "read as a BPS code it has no single counterpart among the regencies, districts and villages of the Kemendagri "
    "list in force; send the Kemendagri code, in a request without region_codes=bps",
)


class RegionCodes(StrEnum):
    """The scheme of a sender's region codes. It is BPS only where the sender says so."""

    KEMENDAGRI = "kemendagri"
    BPS = "bps"


class Regions:
    """Resolves region codes of one scheme. It calls `on_rehomed` for every fact whose code is retired."""

    def __init__(
        self, homes: Homes, on_rehomed: Callable[[], None], codes: RegionCodes = RegionCodes.KEMENDAGRI
    ) -> None:
        self._homes = homes
        self._on_rehomed = on_rehomed
        self._codes = codes

    def reading(self, codes: RegionCodes) -> Regions:
        """Return the same regions for codes of this scheme."""
        return Regions(self._homes, self._on_rehomed, codes)

    def resolve_region(self, code: str) -> str | Refusal:
        """Return the code of the regency, district or village in force, or the refusal."""
        kemendagri = crosswalk().get(code) if self._codes is RegionCodes.BPS else code
        if kemendagri is None:
            return _NO_COUNTERPART
        home = self._homes.home_of(kemendagri)
        if isinstance(home, str) and level_of(home) not in _TOO_HIGH:
            return home
        return _ambiguous(code, home) if isinstance(home, Ambiguous) else self._unknown(code)

    def _unknown(self, code: str) -> Refusal:
        """Return the refusal, with a hint where a spreadsheet took the code for a number and dropped its zero."""
        whole = f"{code.replace(',', '.')}0"
        if _WITHOUT_ITS_ZERO.fullmatch(code) and self._homes.home_of(whole):
            return Refusal(
                RefusalCode.UNKNOWN_REGION, _FIELD, f"a spreadsheet dropped the last zero of {whole}; {AS_TEXT}"
            )
        return _UNKNOWN

    def rehomed(self) -> None:
        """Note that an accepted fact has a region in force in the place of the code that was sent."""
        if self._codes is RegionCodes.KEMENDAGRI:
            self._on_rehomed()


def _ambiguous(code: str, home: Ambiguous) -> Refusal:
    named = ", ".join(home.candidates[:_CANDIDATES_SHOWN])
    more = len(home.candidates) - _CANDIDATES_SHOWN
    return Refusal(
        RefusalCode.AMBIGUOUS_REGION,
        _FIELD,
        f"{code} is retired and may now be {named}{f' or one of {more} more' if more > 0 else ''}; "
        "send the code in force of the place that is meant",
    )
