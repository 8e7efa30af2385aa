"""A retired code is resolved to a region in force, or not at all; nothing is guessed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.regions.catalogue import catalogue
from shared.regions.codes import level_of, parent_of
from shared.regions.successors import Ambiguous, Homes, Retirement, table

DAY = date(2022, 7, 25)
ROWS = list(table())
HOMES = Homes(catalogue(), ROWS)
RETIRED = sorted({row.code for row in ROWS})
DIVIDED = [code for code in RETIRED if level_of(code) != "village"]
PLACES = [
    place
    for province in ("11", "35", "91", "93", "96")
    for regency in catalogue().children(province)
    for district in catalogue().children(regency)
    for place in (regency, district, *catalogue().children(district))
]
VILLAGES = [place for place in PLACES if level_of(place) == "village"]


def homes(in_force: str, *rows: str) -> Homes:
    """Return the homes of a small table; a row is "old>new", or "old>" without a successor."""
    pairs = [row.split(">") for row in rows]
    return Homes(in_force.split(), [Retirement(code, DAY, successor or None) for code, successor in pairs])


@pytest.mark.parametrize(
    ("code", "home"),
    [
        ("11.01", "11.01"),
        ("91.01", "93.01"),
        ("91.01.02", "93.01.02"),
        ("91.01.02.2001", "93.01.02.2001"),
        ("91.01.02.2009", None),
        ("91.03.01", "93.07.08"),
        ("91.03.01.2001", "93.07.08.2001"),
        ("91.03.01.2002", "93.07.09.2004"),
        ("91.04", None),
        ("91.04.01", None),
        ("92.01", "93.01"),
        ("92.01.02.2001", "93.01.02.2001"),
        ("99.99", None),
        ("91.01x", None),
        ("", None),
    ],
)
def test_a_code_finds_its_home_by_the_nearest_row_that_speaks_for_it(code: str, home: str | None) -> None:
    """Itself if in force; else its own row; else the row of the nearest region above. Chains are followed."""
    small = homes(
        "11.01 93.01 93.01.02 93.01.02.2001 93.07.08 93.07.08.2001 93.07.09.2004",
        "91.01>93.01", "91.03>93.07", "91.03.01>93.07.08", "91.03.01.2002>93.07.09.2004", "91.04>", "92.01>91.01",
    )  # fmt: skip
    assert small.home_of(code) == home


def test_several_successors_leave_a_code_open_unless_its_own_row_names_one() -> None:
    """Also if the rest of the code exists below only one: the other may have the place under a new number."""
    split = homes(
        "93.01 93.02 93.01.02 93.02.07 93.01.05 93.02.05",
        "91.01>93.01", "91.01>93.02", "91.01.03>93.02.07",
    )  # fmt: skip
    assert split.home_of("91.01") == Ambiguous(("93.01", "93.02"))
    assert split.home_of("91.01.05") == Ambiguous(("93.01.05", "93.02.05"))
    assert split.home_of("91.01.02") == Ambiguous(("93.01.02",))
    assert split.home_of("91.01.03") == "93.02.07"
    assert split.home_of("91.01.09") is None


def test_a_code_retired_twice_has_the_successors_of_its_latest_day() -> None:
    """A later decision replaces an earlier one, in whatever order the rows come."""
    earlier, later = Retirement("91.01", DAY, "93.01"), Retirement("91.01", DAY + timedelta(1), "93.02")
    for rows in ([earlier, later], [later, earlier]):
        assert Homes({"93.01", "93.02"}, rows).home_of("91.01") == "93.02"


@given(st.sampled_from(PLACES))
def test_a_code_in_force_is_its_own_home(code: str) -> None:
    """It is never re-homed, whatever the table says about it or a region above."""
    assert HOMES.home_of(code) == code
    assert (
        Homes(catalogue(), [Retirement(code, DAY, "11.01"), Retirement(code[:5], DAY, "11.01")]).home_of(code) == code
    )


@given(st.sampled_from(RETIRED))
def test_homes_are_in_force_and_homing_is_idempotent(code: str) -> None:
    """For every row; no row retires a code in force."""
    assert code not in catalogue()
    home = HOMES.home_of(code)
    for place in home.candidates if isinstance(home, Ambiguous) else filter(None, (home,)):
        assert HOMES.home_of(place) == place
        assert level_of(place) == level_of(code)


@given(st.sampled_from(DIVIDED), st.sampled_from(VILLAGES))
def test_a_code_without_a_row_lies_where_the_region_above_it_has_its_home(above: str, other: str) -> None:
    """Its home is the rest of the code below that home, or none if that does not exist."""
    code = above + other[len(above) :]
    assume(not any(code[:end] in RETIRED for end in (8, 13) if end > len(above)))
    under = f"{HOMES.home_of(above)}{code[len(above) :]}"
    assert HOMES.home_of(code) == (under if under in catalogue() else None)


codes = st.integers(1, 8).map(lambda n: f"9{n}.01")


@given(st.lists(st.tuples(codes, codes).filter(lambda pair: pair[0] < pair[1]), max_size=12))
def test_however_rows_chain_a_home_is_in_force(pairs: list[tuple[str, str]]) -> None:
    """A home, and each candidate, is a code that no row retires."""
    in_force = {f"9{n}.01" for n in range(1, 9)} - {old for old, _ in pairs}
    chained = Homes(in_force, [Retirement(old, DAY, new) for old, new in dict.fromkeys(pairs)])
    for n in range(1, 9):
        home = chained.home_of(f"9{n}.01")
        assert home is not None
        assert in_force.issuperset(home.candidates if isinstance(home, Ambiguous) else {home})


@pytest.mark.parametrize(
    ("code", "home", "name"),
    [
        ("91.01", "93.01", "Kabupaten Merauke"),
        ("91.16", "93.02", "Kabupaten Boven Digoel"),
        ("91.04", "94.01", "Kabupaten Nabire"),
        ("92.71", "96.71", "Kota Sorong"),
        ("91.13.44", "95.03.42", "Seradala"),
        ("92.01.07.1001", "96.01.05.1001", "Aimas"),
        ("91.02.01.1057", "95.01.01.1007", "Sinakma"),
        ("32.16.01.2007", "32.16.01.1007", "Setia Asih"),
        ("11.72.01.2001", "11.72.03.2001", "Iboih"),
        ("91.71", "91.71", "Kota Jayapura"),
    ],
)
def test_known_places_are_where_the_splits_put_them(code: str, home: str, name: str) -> None:
    """Capitals and regencies that anyone can check; Jayapura and Manokwari kept their codes."""
    assert (HOMES.home_of(code), catalogue().name(home)) == (home, name)


@pytest.mark.parametrize(
    ("code", "home"),
    [
        ("91.07.01.2003", Ambiguous(("94.02.01.1010", "94.02.01.2002"))),
        ("91.01.20.2004", None),
        ("92.01.05.2099", None),
    ],
)
def test_places_that_names_do_not_tell_apart_are_not_guessed(code: str, home: Ambiguous | None) -> None:
    """Two places of one name; a number that now belongs to another village; a number that never was."""
    assert HOMES.home_of(code) == home


def test_each_papuan_regency_that_vanished_is_dated_by_its_law() -> None:
    """26 regencies: 20 by the laws of 25 July 2022, 6 by that of 8 December 2022."""
    regencies = [row for row in ROWS if level_of(row.code) == "regency"]
    days = [row.since for row in regencies]
    assert (days.count(date(2022, 7, 25)), days.count(date(2022, 12, 8)), len(days)) == (20, 6, 26)
    assert {parent_of(str(row.successor)) for row in regencies} == {"93", "94", "95", "96"}
