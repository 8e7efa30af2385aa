"""Each kind of reference data: what its rows state and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import jsonschema
import msgspec
import pytest

from services.coverage.reference.domain.quota import Quota
from services.coverage.reference.domain.sources import Feed
from services.coverage.reference.domain.targets import Path, Point
from services.coverage.reference.kinds.table import KINDS
from services.coverage.reference.openapi import as_csv, page_of, request_of
from services.coverage.reference.rows import Checked, check
from services.coverage.reference.tables import read_csv, read_json
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes

HOME_OF = Homes(catalogue(), ()).home_of
VILLAGE = "63.10.03.2004"

TARGET = "region,basis,measure,valid_from,date,ratio,source,definition"
QUOTA = "region,group,measure,count,kinds,valid_from,source"
DESIGNATION = "region,valid_from,value,source"
AWARD = "region,name,valid_from,value,source"
SOURCE = "source,name,cadence_days,valid_from"


def checked(kind: str, *lines: str) -> Checked:
    """Return what becomes of a CSV of the kind."""
    return check(KINDS[kind], read_csv("\n".join(lines).encode(), KINDS[kind]), HOME_OF)


def codes(kind: str, *lines: str) -> list[tuple[int, str, str]]:
    """Return row, field and code of each error in a CSV of the kind."""
    return [(error.row, error.field, error.code) for error in checked(kind, *lines).errors]


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_each_kind_are_right(kind: str) -> None:
    """As CSV and as JSON they state the same, and what is listed fits the schema that is published."""
    layout = KINDS[kind]
    of_csv = check(layout, read_csv(as_csv(layout).encode(), layout), HOME_OF)
    of_json = check(layout, read_json(json.dumps(layout.examples).encode(), layout), HOME_OF)
    assert of_csv.errors == []
    assert of_json == of_csv
    row = request_of(layout)["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(list(layout.examples), row)
    items = [layout.shown(figure) | {"recorded_at": "2023-10-01T00:00:00Z", "version": 1} for figure in of_csv.figures]
    page = page_of(layout)["content"]["application/json"]["schema"]
    jsonschema.validate(json.loads(msgspec.json.encode({"items": items, "next": None})), page)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_survives_being_written_down(kind: str) -> None:
    """What the store keeps is what was stated, exactly."""
    layout = KINDS[kind]
    for figure in check(layout, read_csv(as_csv(layout).encode(), layout), HOME_OF).figures:
        stored = json.loads(json.dumps(msgspec.to_builtins(figure.value)))
        assert msgspec.convert(stored, layout.kind.value) == figure.value


def test_rows_of_one_day_make_one_path() -> None:
    """A target is versioned as a whole; its ratios are exact, whatever form JSON gives them."""
    rows = [
        f"11,workers,active,2023-01-01,{on},{ratio},pmk,d"
        for on, ratio in (("2023-12-31", "0.40"), ("2045-12-31", "0.995"))
    ]
    other = "12,workers,active,2023-01-01,2030-12-31,1,pmk,d"
    found = checked("targets", TARGET, rows[0], other, rows[1])
    assert (found.rows, found.errors) == (3, [])
    path = Path((Point(date(2023, 12, 31), Decimal("0.40")), Point(date(2045, 12, 31), Decimal("0.995"))))
    assert [(figure.series, figure.value) for figure in found.figures] == [
        ("workers active", path),
        ("workers active", Path((Point(date(2030, 12, 31), Decimal(1)),))),
    ]
    row = dict(zip(TARGET.split(","), other.split(","), strict=True)) | {"ratio": 0.123456789012}
    (figure,) = check(KINDS["targets"], read_json(json.dumps([row]).encode(), KINDS["targets"]), HOME_OF).figures
    assert figure.value == Path((Point(date(2030, 12, 31), Decimal("0.123456789012")),))


@pytest.mark.parametrize(
    ("ratio", "code"),
    [
        ("40%", "percentage"), ("40", "over_1"), ("1.01", "over_1"), ("-0.4", "malformed_ratio"),
        ('"0,40"', "malformed_ratio"), ("40 persen", "malformed_ratio"), ("4e-1", "malformed_ratio"), ("", "empty"),
    ],
)  # fmt: skip
def test_a_ratio_is_an_exact_decimal(ratio: str, code: str) -> None:
    """A percentage is refused with the reason and the way out."""
    assert codes("targets", TARGET, f"11,workers,active,2023-01-01,2023-12-31,{ratio},pmk,d") == [(2, "ratio", code)]


@pytest.mark.parametrize(
    ("on", "definition", "code"),
    [
        ("2023-12-30", "d", "out_of_order"),
        ("2023-12-31", "d", "repeated_point"),
        ("2024-12-31", "e", "definition_differs"),
        ("", "d", "repeated_row"),
    ],
)
def test_points_come_in_order_and_once(on: str, definition: str, code: str) -> None:
    """A path whose rows are mixed up may be two paths."""
    first = "11,workers,active,2023-01-01,2023-12-31,0.4,pmk,d"
    ratio = "0.5" if on else ""
    second = f"11,workers,active,2023-01-01,{on},{ratio},pmk,{definition}"
    assert codes("targets", TARGET, first, second) == [(3, "date", code)]


def test_quotas_name_count_and_kinds_together() -> None:
    """Neither withdraws the quota; nothing else is left out."""
    good = checked("quotas", QUOTA, "63.10,vulnerable,active,100,kelurahan|desa,2023-01-01,kab")
    assert good.figures[0].value == Quota("active", 100, ("desa", "kelurahan"))
    assert good.figures[0].definition == ""
    assert checked("quotas", QUOTA, "63.10,vulnerable,active,,,2023-01-01,kab").figures[0].value is None
    for line, field, code in (
        ("63.10,vulnerable,active,100,,2023-01-01,kab", "kinds", "empty"),
        ("63.10,vulnerable,active,,desa,2023-01-01,kab", "count", "empty"),
        ("63.10,vulnerable,active,100,kampung,2023-01-01,kab", "kinds", "unknown_value"),
        ("63.10,vulnerable,active,100,desa|desa,2023-01-01,kab", "kinds", "repeated"),
        ("63.10,poor,active,100,desa,2023-01-01,kab", "group", "unknown_value"),
        ("63.10,vulnerable,paid,100,desa,2023-01-01,kab", "measure", "unknown_value"),
        ("63.10,vulnerable,active,90%,desa,2023-01-01,kab", "count", "percentage"),
        ("63.10,vulnerable,active,-1,desa,2023-01-01,kab", "count", "negative"),
    ):
        assert codes("quotas", QUOTA, line) == [(2, field, code)]


@pytest.mark.parametrize(
    ("kinds", "codes"),
    [
        (["desa", "kelurahan"], []), ([], ["empty"]), ("desa", ["wrong_type"]), (["desa|kelurahan"], ["unknown_value"]),
        ([""], ["unknown_value"]), ([5], ["unknown_value"]),
    ],
)  # fmt: skip
def test_kinds_of_village_are_a_list_of_words_in_json(kinds: object, codes: list[str]) -> None:
    """What only a CSV joins by | is not taken apart in JSON."""
    (row,) = KINDS["quotas"].examples
    body = json.dumps([row | {"kinds": kinds}]).encode()
    found = check(KINDS["quotas"], read_json(body, KINDS["quotas"]), HOME_OF)
    assert [error.code for error in found.errors] == codes


def test_designations_are_of_villages_that_exist() -> None:
    """At ID stands how many are to follow in a year; anything between has no designation."""
    found = checked("designations", DESIGNATION, f"{VILLAGE},2018-11-12,designated,bpjs", "ID,2019-01-01,198,bpjs")
    assert [(figure.series, figure.value) for figure in found.figures] == [("designated", 1), ("quota", 198)]
    for value in ("withdrawn", ""):
        assert checked("designations", DESIGNATION, f"{VILLAGE},2018-11-12,{value},bpjs").figures[0].value is None
    for line, field, code in (
        ("63.10.03.2999,2018-11-12,designated,bpjs", "region", "unknown_region"),
        ("63.10,2018-11-12,designated,bpjs", "region", "no_village"),
        (f"{VILLAGE},2018-11-12,1,bpjs", "value", "unknown_value"),
        (f"{VILLAGE},2018,designated,bpjs", "valid_from", "malformed_date"),
        ("ID,2019-01-01,designated,bpjs", "value", "not_whole"),
        ("ID,2019-07-01,198,bpjs", "valid_from", "not_new_year"),
    ):
        assert codes("designations", DESIGNATION, line) == [(2, field, code)]


def test_awards_are_told_apart_by_name() -> None:
    """A region may have several; one is withdrawn by its name."""
    found = checked("awards", AWARD, "35.01,Kabupaten Peduli,2023-10-05,awarded,bpjs", "35.01,Other,2023-10-05,,bpjs")
    assert [(figure.series, figure.value) for figure in found.figures] == [
        ("Kabupaten Peduli", "awarded"),
        ("Other", None),
    ]
    assert codes("awards", AWARD, "35.01,,2023-10-05,yes,bpjs") == [(2, "name", "empty"), (2, "value", "unknown_value")]


@pytest.mark.parametrize(
    ("cadence", "code"), [("0", "out_of_range"), ("4000", "out_of_range"), ("weekly", "not_whole")]
)
def test_a_cadence_is_a_number_of_days(cadence: str, code: str) -> None:
    """From one day to ten years."""
    assert codes("sources", SOURCE, f"bpjs/aceh,BPJS Aceh,{cadence},2023-01-01") == [(2, "cadence_days", code)]
    assert checked("sources", SOURCE, "bpjs/aceh,BPJS Aceh,7,2023-01-01").figures[0].value == Feed("BPJS Aceh", 7)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_lists_what_was_withdrawn(kind: str) -> None:
    """With null where the value was, and fitting the published schema."""
    layout = KINDS[kind]
    (figure, *_) = check(layout, read_csv(as_csv(layout).encode(), layout), HOME_OF).figures
    item = layout.shown(replace(figure, value=None)) | {"recorded_at": "2023-10-01T00:00:00Z", "version": 2}
    page = page_of(layout)["content"]["application/json"]["schema"]
    jsonschema.validate(json.loads(msgspec.json.encode({"items": [item], "next": None})), page)
