"""Reading rows of reference data and saying what is wrong with them; potentials stand for what all kinds share."""

from __future__ import annotations

import json
from datetime import date

import pytest

from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.kinds.potentials import LAYOUT
from services.coverage.reference.rows import Checked, RowError, check
from services.coverage.reference.tables import UnreadableError, read_csv, read_json
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes, table

HEADER = "region,basis,valid_from,value,source,definition"
GOOD = "11,workers,2023-09-01,1710891,bps,all who work"
HOMES = Homes(catalogue(), table())


def checked_csv(body: bytes) -> Checked:
    """Return what becomes of a CSV of potentials."""
    return check(LAYOUT, read_csv(body, LAYOUT), HOMES.home_of)


def checked_json(rows: object) -> Checked:
    """Return what becomes of potentials in JSON."""
    return check(LAYOUT, read_json(json.dumps(rows).encode(), LAYOUT), HOMES.home_of)


def errors(*lines: str) -> list[RowError]:
    """Return what is wrong with a CSV of these rows."""
    return checked_csv("\n".join([HEADER, *lines]).encode()).errors


def test_a_right_file_becomes_figures() -> None:
    """Whole numbers with a region code; a byte order mark and blank lines do no harm, an empty value withdraws."""
    text = f'\ufeff{HEADER}\r\n{GOOD}\r\n\r\nID,vulnerable,2024-01-01,,kemnaker,"farmers, fishers"\r\n'
    checked = checked_csv(text.encode())
    assert checked.errors == []
    assert checked.figures == [
        Figure(POTENTIALS, "11", "workers", date(2023, 9, 1), 1_710_891, "bps", "all who work"),
        Figure(POTENTIALS, "ID", "vulnerable", date(2024, 1, 1), None, "kemnaker", "farmers, fishers"),
    ]


def test_columns_may_stand_in_any_order() -> None:
    """The header says which is which."""
    text = "value,region,basis,valid_from,definition,source\n0,11,workers,2023-09-01,all who work,bps\n"
    assert checked_csv(text.encode()).figures[0].value == 0


def test_json_says_the_same() -> None:
    """A list of objects with the same fields; null withdraws."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    checked = checked_json([row | {"value": 5}, row | {"value": None, "region": "ID"}])
    assert checked.errors == []
    assert [figure.value for figure in checked.figures] == [5, None]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1.5 million", "rounded figure in words"),
        ("tiga ribu", "rounded figure in words"),
        ("38.09%", "percentage"),
        ('"36,7"', "decimals"),
        ("17109.0", "decimals"),
        ("1.710.891", "separators"),
        ('"1,710,891"', "separators"),
        ("-5", "negative"),
        ("99999999999", "over 1000000000"),
        ("١٢٣", "no whole number"),
        ("1e6", "no whole number"),
    ],
)
def test_a_value_that_is_no_whole_number_is_refused_with_the_reason(value: str, reason: str) -> None:
    """A rounded or derived figure could not be counted with."""
    (wrong,) = errors(f"11,workers,2023-09-01,{value},bps,all")
    assert (wrong.row, wrong.region, wrong.field) == (2, "11", "value")
    assert wrong.fix
    assert reason in wrong.wrong


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("99,workers,2023-09-01,1,bps,all", "region"),
        ("Aceh,workers,2023-09-01,1,bps,all", "region"),
        ("11,everyone,2023-09-01,1,bps,all", "basis"),
        ("11,workers,01/09/2023,1,bps,all", "valid_from"),
        ("11,workers,20230901,1,bps,all", "valid_from"),
        ("11,workers,2023-02-30,1,bps,all", "valid_from"),
        ("11,workers,2023-09-01,1,,all", "source"),
        ("11,workers,2023-09-01,1,bps,", "definition"),
        (f"11,workers,2023-09-01,1,{'x' * 501},all", "source"),
        ('11,workers,2023-09-01,1,bps,"two\nlines"', "definition"),
    ],
)
def test_each_field_is_checked(line: str, field: str) -> None:
    """The report names the line and the field."""
    assert [error.field for error in errors(GOOD, line)] == [field]
    assert errors(GOOD, line)[0].row >= 3


def test_all_that_is_wrong_is_reported_at_once() -> None:
    """One round of correction is enough."""
    assert [(e.row, e.field) for e in errors("x,y,z,%,,", GOOD, GOOD)] == [
        (2, "region"), (2, "basis"), (2, "valid_from"), (2, "value"), (2, "source"), (2, "definition"), (4, "region"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "reason", "fix"),
    [
        ("93.01", None, None),
        ("91.01.01", "retired_region", "93.01.01"),
        ("99", "unknown_region", "Kemendagri code"),
        ("1101", "unknown_region", "Kemendagri code"),
        ("Aceh", "unknown_region", "Kemendagri code"),
        ("", "unknown_region", "Kemendagri code"),
    ],
)
def test_a_retired_region_is_refused_with_its_successor(code: str, reason: str | None, fix: str | None) -> None:
    """A denominator is never moved silently: the successor need not have the same people."""
    wrong = errors(f"{code},workers,2023-09-01,1,bps,all")
    assert [error.code for error in wrong] == ([reason] if reason else [])
    assert all(fix in error.fix for error in wrong if fix)


def test_a_region_with_several_successors_is_refused_with_all_of_them() -> None:
    """None of them has the old one's figure."""
    ambiguous = next(row.code for row in table() if not isinstance(HOMES.home_of(row.code), str | None))
    (wrong,) = errors(f"{ambiguous},workers,2023-09-01,1,bps,all")
    assert wrong.code == "ambiguous_region"
    assert "may stand for" in wrong.wrong


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "header"),
        (b"region;basis;valid_from;value;source;definition\n", "divided by commas"),
        (b"province,ratio\n11,38.09\n", "header"),
        (f"{HEADER},value\n".encode(), "header"),
        (HEADER.removesuffix(",definition").encode(), "header"),
        (f"{HEADER}\n11,workers\n".encode(), "line 2 has 2 fields"),
        (f'{HEADER}\n11,workers,2023-09-01,1,bps,"all\n'.encode(), "not CSV"),
        (b"\xff\xfe", "not UTF-8"),
        (f"{HEADER}\n11,workers,2023-09-01,1,bps,Café".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(body: bytes, reason: str) -> None:
    """With the place and what to do."""
    with pytest.raises(UnreadableError, match=reason):
        checked_csv(body)


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]", b'[{"region":"11"}]', b"[" * 100_000, b"[" + b"1" * 5000 + b"]"])
def test_json_that_is_no_table_is_refused(body: bytes) -> None:
    """Whatever it is instead."""
    with pytest.raises(UnreadableError):
        check(LAYOUT, read_json(body, LAYOUT), HOMES.home_of)


@pytest.mark.parametrize("value", [1.5, True, "5 thousand", [], ["5"], {}, float("nan")])
def test_json_values_must_be_whole_numbers(value: object) -> None:
    """A fraction, a truth value, a text or a list is none."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    assert [error.field for error in checked_json([row | {"value": value}]).errors] == ["value"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("value", "1710891"), ("region", 11), ("source", {}), ("source", True), ("definition", ["all"]), ("basis", 1)],
)
def test_a_json_value_of_another_type_is_refused_even_where_it_reads_right(field: str, value: object) -> None:
    """Whoever reads a region as a number loses zeros (63.10), and {} is nobody's source."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    (wrong,) = checked_json([row | {"value": 5} | {field: value}]).errors
    assert (wrong.field, wrong.code) == (field, "unknown_value" if field == "basis" else "wrong_type")


def test_a_number_too_long_to_be_one_is_refused_like_any_other() -> None:
    """It is never turned into a number."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    body = json.dumps([row | {"value": "LONG"}]).replace('"LONG"', "1" * 6000).encode()
    (wrong,) = check(LAYOUT, read_json(body, LAYOUT), HOMES.home_of).errors
    assert (wrong.field, len(wrong.wrong) < 200) == ("value", True)
