"""What the builders make of two lists of regions."""

from __future__ import annotations

from datetime import date

from deploy.regions import crosswalk, retired
from deploy.regions.retired import Found, rows
from shared.regions.successors import Homes, Retirement

OLD = {
    "91": "PAPUA", "91.01": "KAB. MERAUKE", "91.71": "KOTA SORONG", "91.02": "KAB. SORONG",
    "91.01.01": "Muting", "91.01.02": "Salawati", "91.01.03": "Kobagma",
    "91.01.01.2001": "Bade", "91.01.01.2002": "Wania", "91.01.01.2003": "Tor", "91.01.01.2004": "Uli Uli",
    "91.01.01.2005": "Wurak", "91.01.01.1006": "Wurak", "91.01.01.2007": "Iboih", "91.01.02.2001": "Oyehe",
    "91.01.01.2008": "Vanished",
}  # fmt: skip
NEW = {
    "91": "Papua", "93": "Papua Selatan", "93.01": "Kabupaten Merauke", "93.71": "Kota Sorong",
    "93.02": "Kabupaten Sorong", "93.01.01": "Muting", "93.01.07": "Salawati", "93.01.03": "Kobakma",
    "93.01.01.2001": "BADE", "93.01.01.2009": "wania", "93.01.01.2003": "Toor", "93.01.01.2010": "Uli-Uli",
    "93.01.01.2004": "Other", "93.01.01.2011": "Wurak", "93.01.01.1012": "Wurak", "93.01.03.2001": "Iboih",
    "93.01.07.2001": "Oyehe",
}  # fmt: skip


def test_a_retired_code_is_found_by_name_then_in_its_regency_then_by_number() -> None:
    """Several of one name stay open; what neither name nor number finds is left out."""
    found = retired.derive(OLD, NEW)
    both = ("93.01.01.1012", "93.01.01.2011")
    assert found == {
        "91.01": Found(("93.01",), "name"),
        "91.71": Found(("93.71",), "name"),
        "91.02": Found(("93.02",), "name"),
        "91.01.01": Found(("93.01.01",), "name"),
        "91.01.02": Found(("93.01.07",), "name"),
        "91.01.03": Found(("93.01.03",), "number"),
        "91.01.01.2001": Found(("93.01.01.2001",), "name"),
        "91.01.01.2002": Found(("93.01.01.2009",), "name"),
        "91.01.01.2003": Found(("93.01.01.2003",), "number"),
        "91.01.01.2004": Found(("93.01.01.2010",), "name"),
        "91.01.01.2005": Found(both, "name"),
        "91.01.01.1006": Found(both, "name"),
        "91.01.01.2007": Found(("93.01.03.2001",), "name_in_regency"),
        "91.01.02.2001": Found(("93.01.07.2001",), "name"),
    }


def test_a_number_that_anothers_name_has_claimed_is_nobodys_successor() -> None:
    """Though the row above would give the code that number: a row without successor says that none is known."""
    old = {"91.01": "Kab. A", "91.01.01": "First", "91.01.02": "Second"}
    new = {"93.01": "Kabupaten A", "93.01.01": "Second"}
    found = retired.derive(old, new)
    assert found["91.01.01"] == Found((), "number_taken")
    assert Retirement("91.01.01", date(2022, 7, 25), None) in rows(found, new)


def test_a_district_spelled_anew_under_another_number_lies_where_all_its_villages_are() -> None:
    """With the district, a village that only its number finds; none where its villages went two ways."""
    old = {"91.01": "Kab. A", "91.01.44": "Seredela", "91.01.44.2001": "One", "91.01.44.2002": "Two"}
    new = {"93.01": "Kabupaten A", "93.01.42": "Seradala", "93.01.42.2001": "One", "93.01.42.2002": "Tuo"}
    assert retired.derive(old, new)["91.01.44"] == Found(("93.01.42",), "villages")
    assert retired.derive(old, new)["91.01.44.2002"] == Found(("93.01.42.2002",), "number")
    apart = new | {"93.01.43": "Elsewhere", "93.01.43.2009": "Two"}
    assert "91.01.44" not in retired.derive(old, apart)


def test_a_row_is_written_only_where_those_above_do_not_say_it_already() -> None:
    """And with all rows together each code has the home that was found for it."""
    found = retired.derive(OLD, NEW)
    table = rows(found, NEW)
    written = {row.code for row in table}
    assert written == {
        "91.01", "91.02", "91.71", "91.01.02", "91.01.01.2002", "91.01.01.2004", "91.01.01.2005", "91.01.01.1006",
        "91.01.01.2007",
    }  # fmt: skip
    homes = Homes(NEW, table)
    assert all(homes.home_of(code) == what.homes[0] for code, what in found.items() if len(what.homes) == 1)


def test_a_bps_code_is_matched_by_a_name_that_is_unique_in_its_place() -> None:
    """By the old or the new name; two of one name, and all below what is not matched, stay out."""
    bps = {
        "9401": "KABUPATEN MERAUKE", "9402": "KABUPATEN SORONG", "9471": "KOTA SORONG",
        "9401010": "MUTING", "9401020": "KOBAGMA", "9401030": "UNHEARD",
        "9401010001": "WURAK", "9401010002": "WURAK", "9401010003": "BADE", "9401010004": "ULI ULI",
        "9401030001": "OYEHE",
    }  # fmt: skip
    homes = Homes(NEW, rows(retired.derive(OLD, NEW), NEW))
    assert crosswalk.derive(bps, OLD, NEW, homes) == {
        "9401": "93.01", "9402": "93.02", "9471": "93.71", "9401010": "93.01.01", "9401020": "93.01.03",
        "9401010003": "93.01.01.2001", "9401010004": "93.01.01.2010",
    }  # fmt: skip


def test_a_renamed_regency_is_the_only_one_left_of_its_province_in_both_lists() -> None:
    """With two left nothing is paired."""
    new = {"12.01": "Kabupaten Toba", "12.02": "Kabupaten Nias", "64.01": "Kabupaten A", "64.02": "Kabupaten B"}
    bps = {"1206": "KABUPATEN TOBA SAMOSIR", "1201": "KABUPATEN NIAS", "6401": "KABUPATEN C", "6402": "KABUPATEN D"}
    assert crosswalk.derive(bps, {}, new, Homes(new, [])) == {"1206": "12.01", "1201": "12.02"}
