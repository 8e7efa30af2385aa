"""Files of reference data as a whole: which cannot be read, and which of their rows do not fit together."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from services.coverage.reference import load
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.domain.targets import PathPoint, TargetPath
from services.coverage.reference.load import Format, LoadReport, ReferenceImport, check
from services.coverage.reference.schemas import KINDS
from shared.adapters.csv_rows import UnreadableFileError
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryReference

HOME_OF = Homes(catalogue(), ()).home_of
HEADER = "region,basis,valid_from,value,source,definition"
GOOD = "11,workers,2023-09-01,1710891,bps,all who work"
PATH_HEADER = "region,basis,measure,valid_from,date,ratio,source,definition"


def report(*lines: str, kind: str = "potentials") -> LoadReport:
    """Return the report on a CSV file of these lines."""
    return check(KINDS[kind], "\n".join(lines).encode(), Format.CSV, HOME_OF)


def points(*drawn: tuple[str, str]) -> TargetPath:
    """Return a path of these points."""
    return TargetPath(tuple(PathPoint(date.fromisoformat(day), Decimal(ratio)) for day, ratio in drawn))


def test_a_right_file_becomes_statements() -> None:
    """Columns may stand in any order, and an empty value withdraws."""
    found = report("value,region,basis,valid_from,definition,source", '5,11,workers,2023-09-01,"farmers, fishers",bps')
    assert (found.rows, found.errors) == (1, [])
    expected = Statement(POTENTIALS, "11", "workers", date(2023, 9, 1), 5, "bps", "farmers, fishers")
    assert found.statements == [expected]


def test_all_that_is_wrong_is_reported_at_once() -> None:
    """Each fault with its line, field and code; a row that cannot be read spoils no other."""
    found = report(HEADER, "x,y,z,%,,", GOOD, "11,workers", GOOD)
    assert [(error.row, error.field, error.code) for error in found.errors] == [
        (2, "region", "unknown_region"), (2, "basis", "unknown_value"), (2, "valid_from", "malformed_date"),
        (2, "value", "percentage"), (2, "source", "empty"), (2, "definition", "empty"),
        (4, "", "malformed_field"), (5, "region", "repeated_row"),
    ]  # fmt: skip
    assert all(error.wrong and error.fix for error in found.errors)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"region;basis;valid_from;value;source;definition\n", "semicolons"),
        (HEADER.removesuffix(",definition").encode(), "definition is missing"),
        (b"[", "not UTF-8|not JSON"),
        (b"\xff[]", "not UTF-8"),
        (b"{}", "no list"),
        (b"[1]", "row 1 must be an object"),
        (b'[{"region":"11"}]', "row 1 must be an object with exactly region, basis"),
        (b"[" * 100_000, "not JSON"),
        (b"[1e999999999999999999999]", "not JSON"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(body: bytes, reason: str) -> None:
    """With what it is and what to do."""
    format_ = Format.JSON if body.startswith((b"[", b"{", b"\xff")) else Format.CSV
    with pytest.raises(UnreadableFileError, match=reason):
        check(KINDS["potentials"], body, format_, HOME_OF)


def test_a_file_of_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is to be sent in parts."""
    monkeypatch.setattr(load, "MAX_ROWS", 1)
    with pytest.raises(UnreadableFileError, match="more than 1 rows"):
        report(HEADER, GOOD, GOOD)


def test_rows_of_one_day_make_one_path() -> None:
    """A target is versioned as a whole."""
    row = "{},workers,active,2023-01-01,{},{},pmk,d"
    rows = (("11", "2023-12-31", "0.40"), ("12", "2030-12-31", "1"), ("11", "2045-12-31", "0.995"))
    found = report(PATH_HEADER, *(row.format(*cells) for cells in rows), kind="targets")
    assert (found.rows, found.errors) == (3, [])
    assert [(one.region, one.value) for one in found.statements] == [
        ("11", points(("2023-12-31", "0.40"), ("2045-12-31", "0.995"))), ("12", points(("2030-12-31", "1"))),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("point", "definition", "code"),
    [
        ("2023-12-30,0.5", "d", "out_of_order"),
        ("2023-12-31,0.5", "d", "repeated_point"),
        ("2024-12-31,0.5", "e", "definition_differs"),
        (",", "d", "repeated_row"),
    ],
)
def test_points_come_in_order_and_once(point: str, definition: str, code: str) -> None:
    """A path whose rows are mixed up may be two paths."""
    row = "11,workers,active,2023-01-01,{},pmk,{}"
    found = report(PATH_HEADER, row.format("2023-12-31,0.4", "d"), row.format(point, definition), kind="targets")
    assert [(error.row, error.field, error.code) for error in found.errors] == [(3, "date", code)]


async def test_only_a_right_file_that_is_no_dry_run_is_recorded_and_read() -> None:
    """The report counts what is new; the same file again adds nothing."""
    store, refreshed = MemoryReference(), list[int]()

    async def refresh() -> None:
        refreshed.append((await store.since(0))[0])

    imports = ReferenceImport(store, refresh, HOME_OF, ManualClock())

    async def put(value: object, *, dry_run: bool = False) -> tuple[int, int]:
        cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {"value": value}
        found = await imports.put(KINDS["potentials"], json.dumps([cells]).encode(), Format.JSON, dry_run=dry_run)
        return found.new, len(found.errors)

    assert [await put(5, dry_run=True), await put("x")] == [(1, 0), (0, 1)]
    assert refreshed == []
    assert [await put(5), await put(5)] == [(1, 0), (0, 0)]
    assert refreshed == [1, 2]


@pytest.mark.parametrize("element", ["0", "{}", "[0,0]", '"x"'])
def test_a_list_of_anything_else_ends_at_its_first_element(element: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the rest is made into objects, however many there are."""
    made: list[object] = []
    decoder = json.JSONDecoder

    class Counting(decoder):  # type: ignore[misc, valid-type]
        def raw_decode(self, s: str, idx: int = 0) -> tuple[object, int]:
            found: tuple[object, int] = super().raw_decode(s, idx)
            made.append(found)
            return found

    monkeypatch.setattr(load.json, "JSONDecoder", Counting)  # type: ignore[attr-defined]
    body = f"[{','.join([element] * 1_000_000)}]".encode()
    with pytest.raises(UnreadableFileError, match="row 1 must be an object"):
        check(KINDS["potentials"], body, Format.JSON, HOME_OF)
    assert len(made) == 1


def test_a_long_list_is_read_as_json_reads_it() -> None:
    """Rows that cross the edges of the reader's window, blanks and line ends between them, numbers as written."""
    rows = [{"a": "x" * (n % 997), "n": n, "r": 5.0} for n in range(2_000)]
    text = json.dumps(rows, indent=1)
    assert list(load._elements(text)) == json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert list(load._elements(" [ ] ")) == []
    for broken in ("[1,]", "[1 2]", "[1]]", "[1", "[,1]", "["):
        with pytest.raises(UnreadableFileError, match="not JSON"):
            list(load._elements(broken))
