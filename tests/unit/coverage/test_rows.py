"""Reading rows of potentials and saying what is wrong with them."""

from __future__ import annotations

import json
from datetime import date

import pytest

from services.coverage.application.rows import RowError, UnreadableError, check, read_csv, read_json
from services.coverage.domain.reference import Figure

HEADER = "region,basis,valid_from,value,source,definition"
GOOD = "11,workers,2023-09-01,1710891,bps,all who work"


def is_region(code: str) -> bool:
    """Say whether the code is one of the few known here."""
    return code in ("ID", "11", "11.01")


def errors(*lines: str) -> list[RowError]:
    """Return what is wrong with a CSV of these rows."""
    return check(read_csv("\n".join([HEADER, *lines]).encode()), is_region)[1]


def test_a_right_file_becomes_figures() -> None:
    """Whole numbers with a region code; a byte order mark and blank lines do no harm, an empty value withdraws."""
    text = f'\ufeff{HEADER}\r\n{GOOD}\r\n\r\nID,vulnerable,2024-01-01,,kemnaker,"farmers, fishers"\r\n'
    figures, wrong = check(read_csv(text.encode()), is_region)
    assert wrong == []
    assert figures == [
        Figure("11", "workers", date(2023, 9, 1), 1_710_891, "bps", "all who work"),
        Figure("ID", "vulnerable", date(2024, 1, 1), None, "kemnaker", "farmers, fishers"),
    ]


def test_json_says_the_same() -> None:
    """A list of objects with the same fields; null withdraws."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    figures, wrong = check(
        read_json(json.dumps([row | {"value": 5}, row | {"value": None, "region": "ID"}]).encode()), is_region
    )
    assert wrong == []
    assert [figure.value for figure in figures] == [5, None]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1.5 million", "rounded figure in words"),
        ("38.09%", "percentage"),
        ('"36,7"', "decimals"),
        ("17109.0", "decimals"),
        ("1.710.891", "separators"),
        ('"1,710,891"', "separators"),
        ("-5", "negative"),
        ("99999999999", "over 1000000000 people"),
        ("١٢٣", "no whole number"),
        ("1e6", "no whole number"),
    ],
)
def test_a_value_that_is_no_whole_number_is_refused_with_the_reason(value: str, reason: str) -> None:
    """A rounded or derived figure could not be counted with."""
    (wrong,) = errors(f"11,workers,2023-09-01,{value},bps,all")
    assert (wrong.row, wrong.field) == (2, "value")
    assert reason in wrong.detail


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
    ],
)
def test_each_field_is_checked(line: str, field: str) -> None:
    """The report names the line and the field."""
    assert [(error.row, error.field) for error in errors(GOOD, line)] == [(3, field)]


def test_all_that_is_wrong_is_reported_at_once() -> None:
    """One round of correction is enough."""
    assert [(e.row, e.field) for e in errors("x,y,z,%,,", GOOD, GOOD)] == [
        (2, "region"), (2, "basis"), (2, "valid_from"), (2, "value"), (2, "source"), (2, "definition"), (4, "region"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "header"),
        (b"region;basis;valid_from;value;source;definition\n", "divided by commas"),
        (b"province,ratio\n11,38.09\n", "header"),
        (f"{HEADER}\n11,workers\n".encode(), "line 2 has 2 fields"),
        (f'{HEADER}\n11,workers,2023-09-01,1,bps,"all\n'.encode(), "not CSV"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(body: bytes, reason: str) -> None:
    """With the place and what to do."""
    with pytest.raises(UnreadableError, match=reason):
        check(read_csv(body), is_region)


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]", b'[{"region":"11"}]', b"[" * 100_000])
def test_json_that_is_no_table_is_refused(body: bytes) -> None:
    """Whatever it is instead."""
    with pytest.raises(UnreadableError):
        check(read_json(body), is_region)


@pytest.mark.parametrize("value", [1.5, True, "5 thousand", [], {}])
def test_json_values_must_be_whole_numbers(value: object) -> None:
    """A fraction, a truth value or a text is none."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    _, wrong = check(read_json(json.dumps([row | {"value": value}]).encode()), is_region)
    assert [error.field for error in wrong] == ["value"]
