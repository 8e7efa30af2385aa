"""A BPS code has one counterpart in the list in force, or none."""

from __future__ import annotations

from collections import Counter

import pytest

from shared.regions.bps import crosswalk
from shared.regions.catalogue import catalogue
from shared.regions.codes import level_of, parent_of


@pytest.mark.parametrize(
    ("bps", "kemendagri", "name"),
    [
        ("3171", "31.74", "Kota Administrasi Jakarta Selatan"),
        ("3173", "31.71", "Kota Administrasi Jakarta Pusat"),
        ("3173080003", "31.71.01.1001", "Gambir"),
        ("1101", "11.09", "Kabupaten Simeulue"),
        ("9401", "93.01", "Kabupaten Merauke"),
        ("9471", "91.71", "Kota Jayapura"),
        ("3501040013", "35.01.04.1013", "Pacitan"),
        ("1206", "12.12", "Kabupaten Toba"),
        ("8101", "81.03", "Kabupaten Kepulauan Tanimbar"),
    ],
)
def test_known_places_have_their_codes_in_both_schemes(bps: str, kemendagri: str, name: str) -> None:
    """The same digits may name another place in the other scheme, and a regency may have a new name."""
    assert (crosswalk()[bps], catalogue().name(kemendagri)) == (kemendagri, name)


def test_the_crosswalk_is_one_to_one_level_to_level_and_keeps_to_the_tree() -> None:
    """Every counterpart is in force, belongs to one BPS code, and lies below its parent's counterpart."""
    pairs = crosswalk()
    assert len(set(pairs.values())) == len(pairs)
    digits = {"regency": 4, "district": 7, "village": 10}
    for bps, kemendagri in pairs.items():
        assert kemendagri in catalogue()
        assert len(bps) == digits[level_of(kemendagri)]
        if len(bps) > 4:
            assert pairs[bps[: 4 if len(bps) == 7 else 7]] == parent_of(kemendagri)


def test_the_number_of_counterparts_is_that_of_the_decision_record() -> None:
    """All 514 regencies, 7,023 districts, 72,039 villages (ADR 0012)."""
    assert Counter(map(len, crosswalk())) == {4: 514, 7: 7023, 10: 72039}
