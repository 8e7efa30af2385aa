"""Region codes and the list in force."""

from __future__ import annotations

import pytest

from shared.regions.catalogue import catalogue
from shared.regions.codes import holds, level_of, lineage_of, parent_of, regency_of, zone_name


def test_a_code_names_its_lineage() -> None:
    """The prefix is the parent, up to the nation."""
    assert lineage_of("35.01.10.2017") == ("35.01.10.2017", "35.01.10", "35.01", "35", "ID")
    assert (parent_of("35"), parent_of("ID"), regency_of("35.01.10.2017")) == ("ID", None, "35.01")
    assert [level_of(code) for code in reversed(lineage_of("35.01.10.2017"))] == [
        "nation", "province", "regency", "district", "village",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "zone"),
    [("11.01", "WIB"), ("36", "WIB"), ("61", "WIB"), ("62.01", "WIB"), ("51", "WITA"), ("53.01", "WITA"),
     ("63.10", "WITA"), ("65", "WITA"), ("76.01", "WITA"), ("81", "WIT"), ("96.01", "WIT"), ("ID", "WIB")],
)  # fmt: skip
def test_each_province_has_its_zone(code: str, zone: str) -> None:
    """WIB 11–36, 61, 62; WITA 51–53, 63–65, 71–76; WIT 81–96; the nation's is WIB."""
    assert zone_name(code) == zone


def test_a_region_holds_itself_and_regions_below_only() -> None:
    """Codes are compared part by part: 11.01 does not hold 11.011."""
    assert holds("11.01", "11.01")
    assert holds("11", "11.01.02.2003")
    assert holds("ID", "11")
    assert not holds("11.01", "11.011")
    assert not holds("11.01.02", "11.01")


def test_the_list_in_force_is_whole() -> None:
    """38 provinces, 514 regencies, 7,285 districts, 83,762 villages."""
    regions = catalogue()
    counts, level = [], ["ID"]
    for _ in range(4):
        level = [child for parent in level for child in regions.children(parent)]
        counts.append(len(level))
    assert counts == [38, 514, 7285, 83762]


@pytest.mark.parametrize("code", ["1101", "11.1", "11.01.02.200", "99", "", "ID.11", "11.01.", "１１", "3276011001"])
def test_an_unknown_code_is_not_in_the_list(code: str) -> None:
    """Digits without dots, like BPS codes, are not guessed."""
    assert code not in catalogue()
