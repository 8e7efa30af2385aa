"""Finding regions by name or code."""

from __future__ import annotations

from functools import cache

import pytest

from shared.regions.catalogue import catalogue
from shared.regions.search import MAX_HITS, RegionSearch


@cache
def search() -> RegionSearch:
    """The index of the whole list, made once."""
    return RegionSearch(catalogue().name, catalogue().children)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Indonesia", "ID"),
        ("aceh", "11"),
        ("Tanah Bumbu", "63.10"),
        ("KAB. TANAH BUMBU", "63.10"),
        ("  tanah   bumbu ", "63.10"),
        ("bandung", "32.04"),
        ("kota bandung", "32.73"),
        ("prov. jawa barat", "32"),
        ("63.10", "63.10"),
        ("63.10.", "63.10"),
        ("6310", "63.10"),
        ("1101", "11.01"),
        ("6310032004", "63.10.03.2004"),
        ("dki jakarta", "31"),
        ("DKI", "31"),
        ("Prov. Sulsel", "73"),
        ("kep. riau", "21"),
        ("Kep Bangka Belitung", "19"),
        ("jakarta selatan", "31.74"),
        ("Kota Adm. Jakarta Selatan", "31.74"),
        ("tanah bumbu, kalsel", "63.10"),
        ("Kabupaten Tanah Bumbu, Provinsi Kalimantan Selatan, Indonesia", "63.10"),
        ("Lambang Sari I, II, III", "14.02.09.2010"),
    ],
)
def test_the_likeliest_region_comes_first(query: str, code: str) -> None:
    """The same name before a longer one, the higher region before the lower, whatever the writing."""
    assert search().find(query)[0] == code


def test_a_code_finds_all_below_it() -> None:
    """A regency's code is its own and the beginning of every code below."""
    found = search().find("63.10")
    assert found[0] == "63.10"
    assert {code[:5] for code in found} == {"63.10"}
    assert len(found) == 1 + sum(1 + len(catalogue().children(below)) for below in catalogue().children("63.10"))


def test_a_kind_narrows_to_its_level() -> None:
    """A village is asked for, so no district of the name is told, though it ranks higher."""
    assert {code.count(".") for code in search().find("desa sukamaju")} == {3}
    assert {code.count(".") for code in search().find("kec. sukamaju")} == {2}


def test_what_lies_above_tells_namesakes_apart() -> None:
    """Of more than fifty villages of this name those in one regency are told."""
    everywhere, in_garut = search().find("desa sukamaju"), search().find("sukamaju, garut")
    assert len(everywhere) > len(in_garut) > 0
    assert {code[:5] for code in in_garut} == {"32.05"}
    assert set(in_garut) == {code for code in search().find("sukamaju") if code.startswith("32.05.")}


@pytest.mark.parametrize("query", [",", "...", "no such place", "99"])
def test_nothing_is_found_where_nothing_is_meant(query: str) -> None:
    """What no region is called gives an empty list, as do signs alone."""
    assert search().find(query) == []


@pytest.mark.parametrize("apostrophe", ["'", "\u2018", "\u2019", "\u02bc", "\u02bb", "`", "\u00b4", ""])
def test_every_apostrophe_is_the_same(apostrophe: str) -> None:
    """A telephone writes another apostrophe than the official list, and many people write none."""
    assert "73.10.08.1003" in search().find(f"ma{apostrophe}rang, pangkajene")


def test_a_name_of_a_province_finds_its_cities_too() -> None:
    """The usual name of a province comes first, then the regions that have it in their names."""
    found = search().find("jakarta")
    assert found[0] == "31"
    assert "31.74" in found


@pytest.mark.parametrize("query", ["a", "a,e,i", "1", "11", "e" * 100])
def test_hits_are_bounded(query: str) -> None:
    """No query, however short, makes an answer of all 90,000 regions."""
    assert len(search().find(query)) <= MAX_HITS


def test_more_parts_than_levels_find_nothing() -> None:
    """A village has four levels above it; a query with more names means no region."""
    assert search().find("a,e,i,o,u,a") == []
