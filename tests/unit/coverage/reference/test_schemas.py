"""Each kind of reference data: what its rows state, and what is refused in their cells."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import jsonschema
import msgspec
import pytest

from services.coverage.http.reference import example_csv, page_of, request_of
from services.coverage.reference.domain.quota import Quota
from services.coverage.reference.domain.sources import Feed
from services.coverage.reference.domain.targets import PathPoint, TargetPath
from services.coverage.reference.load import Format, LoadReport, check
from services.coverage.reference.schemas import KINDS
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes, table

HOMES = Homes(catalogue(), table())
VILLAGE = "63.10.03.2004"
COLUMNS = {
    "potentials": "region,basis,valid_from,value,source,definition",
    "targets": "region,basis,measure,valid_from,date,ratio,source,definition",
    "quotas": "region,group,measure,count,kinds,valid_from,source",
    "designations": "region,valid_from,value,source",
    "awards": "region,name,valid_from,value,source",
    "sources": "source,name,cadence_days,valid_from",
}
POINT = "11,workers,active,2023-01-01,2023-12-31,0.4,pmk,d"
JSON_ROWS: dict[str, dict[str, object]] = {
    "potentials": {
        "region": "11", "basis": "workers", "valid_from": "2023-09-01", "value": 5, "source": "bps", "definition": "d",
    },
    "quotas": {
        "region": "63.10", "group": "vulnerable", "measure": "active", "count": 100, "kinds": ["desa"],
        "valid_from": "2023-01-01", "source": "kab",
    },
    "designations": {"region": VILLAGE, "valid_from": "2018-11-12", "value": "designated", "source": "bpjs"},
}  # fmt: skip


def of_csv(kind: str, *lines: str) -> LoadReport:
    """Return the report on a CSV file with these rows."""
    return check(KINDS[kind], "\n".join([COLUMNS[kind], *lines]).encode(), Format.CSV, HOMES.home_of)


def of_json(kind: str, **changed: object) -> LoadReport:
    """Return the report on a JSON file with one row, some of whose fields were changed."""
    body = json.dumps([JSON_ROWS[kind] | changed]).encode()
    return check(KINDS[kind], body, Format.JSON, HOMES.home_of)


def refused(report: LoadReport) -> list[tuple[str, str]]:
    """Return field and code of each error. Every error says what is wrong and what to do."""
    assert all(error.wrong and error.fix for error in report.errors)
    return [(error.field, error.code) for error in report.errors]


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_each_kind_fit_the_published_schemas(kind: str) -> None:
    """The same as CSV and as JSON. What is listed fits too, also where it was withdrawn, and survives the store."""
    model = KINDS[kind]
    content = request_of(model)["requestBody"]["content"]
    examples, schema = content["application/json"]["example"], content["application/json"]["schema"]
    jsonschema.validate(examples, schema)
    report = check(model, example_csv(model).encode(), Format.CSV, HOMES.home_of)
    assert check(model, json.dumps(examples).encode(), Format.JSON, HOMES.home_of) == report
    assert report.errors == []
    statements = [*report.statements, *(replace(one, value=None) for one in report.statements)]
    items = [model.listed(one) | {"recorded_at": "2023-10-01T00:00:00Z", "version": 1} for one in statements]
    page = page_of(model)["content"]["application/json"]["schema"]
    jsonschema.validate(json.loads(msgspec.json.encode({"items": items, "next": None})), page)
    for one in report.statements:
        stored = json.loads(json.dumps(msgspec.to_builtins(one.value)))
        assert msgspec.convert(stored, model.kind.value) == one.value


@pytest.mark.parametrize(
    ("kind", "line", "series", "value"),
    [
        ("potentials", "ID,vulnerable,2024-01-01,0,bps,d", "vulnerable", 0),
        ("potentials", "ID,vulnerable,2024-01-01,,bps,d", "vulnerable", None),
        ("targets", POINT, "workers active", TargetPath((PathPoint(date(2023, 12, 31), Decimal("0.4")),))),
        ("targets", "11,workers,active,2023-01-01,,,pmk,d", "workers active", None),
        (
            "quotas", "63.10,vulnerable,active,100,kelurahan|desa,2023-01-01,kab", "vulnerable",
            Quota("active", 100, ("desa", "kelurahan")),
        ),
        ("quotas", "63.10,vulnerable,active,,,2023-01-01,kab", "vulnerable", None),
        ("designations", f"{VILLAGE},2018-11-12,designated,bpjs", "designated", 1),
        ("designations", f"{VILLAGE},2018-11-12,withdrawn,bpjs", "designated", None),
        ("designations", "ID,2019-01-01,198,bpjs", "quota", 198),
        ("designations", "ID,2019-01-01,,bpjs", "quota", None),
        ("awards", "35.01,Kabupaten Peduli,2023-10-05,awarded,bpjs", "Kabupaten Peduli", "awarded"),
        ("awards", "35.01,Kabupaten Peduli,2023-10-05,,bpjs", "Kabupaten Peduli", None),
        ("sources", "bpjs/aceh,BPJS Aceh,7,2023-01-01", "bpjs/aceh", Feed("BPJS Aceh", 7)),
        ("sources", "bpjs/aceh,BPJS Aceh,,2023-01-01", "bpjs/aceh", None),
    ],
)  # fmt: skip
def test_a_row_states_a_value_of_a_series_or_withdraws_it(kind: str, line: str, series: str, value: object) -> None:
    """An empty value withdraws, and so does `withdrawn` where the value is a word."""
    report = of_csv(kind, line)
    assert report.errors == []
    assert [(one.kind, one.series, one.value) for one in report.statements] == [(KINDS[kind].kind, series, value)]


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        ("1.5 million", "not_whole", "rounded figure in words"), ("١٢٣", "not_whole", "no whole number"),
        ("1E+15", "not_whole", "spreadsheet"), ("1.5E6", "not_whole", "spreadsheet"),
        ("Jan-24", "not_whole", "spreadsheet"), ("5-Mar", "not_whole", "spreadsheet"),
        ("38.09%", "percentage", "percentage"), ('"36,7"', "decimals", "decimals"), ("17109.0", "decimals", "decimals"),
        ("1.710.891", "separators", "separators"), ('"1,710,891"', "separators", "separators"),
        ("-5", "negative", "negative"), ("99999999999", "too_large", "over 1000000000"),
        ("1" * 6000, "not_whole", "no whole number"),
    ],
)  # fmt: skip
def test_a_value_that_is_no_whole_number_is_refused_with_the_reason(value: str, code: str, says: str) -> None:
    """A rounded or derived figure could not be counted with."""
    (error,) = of_csv("potentials", f"11,workers,2023-09-01,{value},bps,all").errors
    assert (error.row, error.region, error.field, error.code) == (2, "11", "value", code)
    assert says in error.wrong
    assert len(error.wrong) < 200


@pytest.mark.parametrize(
    ("kind", "line", "field", "code"),
    [
        ("potentials", "11,everyone,2023-09-01,1,bps,all", "basis", "unknown_value"),
        ("potentials", ",workers,2023-09-01,1,bps,all", "region", "unknown_region"),
        ("potentials", "1101,workers,2023-09-01,1,bps,all", "region", "unknown_region"),
        ("potentials", "91.01.01,workers,2023-09-01,1,bps,all", "region", "retired_region"),
        ("potentials", "11,workers,01/09/2023,1,bps,all", "valid_from", "malformed_date"),
        ("potentials", "11,workers,20230901,1,bps,all", "valid_from", "malformed_date"),
        ("potentials", "11,workers,2023-02-30,1,bps,all", "valid_from", "malformed_date"),
        ("potentials", "11,workers,2023-09-01,1,,all", "source", "empty"),
        ("potentials", f"11,workers,2023-09-01,1,{'x' * 501},all", "source", "too_long"),
        ("potentials", '11,workers,2023-09-01,1,bps,"two\nlines"', "definition", "unprintable"),
        ("targets", POINT.replace("0.4,", "40%,"), "ratio", "percentage"),
        ("targets", POINT.replace("0.4,", "40,"), "ratio", "over_1"),
        ("targets", POINT.replace("0.4,", '"0,40",'), "ratio", "malformed_ratio"),
        ("targets", POINT.replace("0.4,", "4e-1,"), "ratio", "malformed_ratio"),
        ("targets", POINT.replace("0.4,", ","), "ratio", "empty"),
        ("targets", POINT.replace("2023-12-31", ""), "date", "empty"),
        ("quotas", "63.10,vulnerable,active,100,,2023-01-01,kab", "kinds", "empty"),
        ("quotas", "63.10,vulnerable,active,,desa,2023-01-01,kab", "count", "empty"),
        ("quotas", "63.10,vulnerable,active,100,kampung,2023-01-01,kab", "kinds", "unknown_value"),
        ("quotas", "63.10,vulnerable,active,100,desa|desa,2023-01-01,kab", "kinds", "repeated"),
        ("quotas", "63.10,poor,active,100,desa,2023-01-01,kab", "group", "unknown_value"),
        ("quotas", "63.10,vulnerable,paid,100,desa,2023-01-01,kab", "measure", "unknown_value"),
        ("designations", "63.10,2018-11-12,designated,bpjs", "region", "no_village"),
        ("designations", f"{VILLAGE},2018-11-12,1,bpjs", "value", "unknown_value"),
        ("designations", "ID,2019-01-01,designated,bpjs", "value", "not_whole"),
        ("designations", "ID,2019-07-01,198,bpjs", "valid_from", "not_new_year"),
        ("awards", "35.01,Kabupaten Peduli,2023-10-05,yes,bpjs", "value", "unknown_value"),
        ("sources", "bpjs/aceh,BPJS Aceh,0,2023-01-01", "cadence_days", "out_of_range"),
        ("sources", "bpjs/aceh,BPJS Aceh,4000,2023-01-01", "cadence_days", "out_of_range"),
    ],
)  # fmt: skip
def test_a_cell_is_refused_with_its_field_and_a_code(kind: str, line: str, field: str, code: str) -> None:
    """Each fault that docs/reference-data.md lists."""
    assert refused(of_csv(kind, line)) == [(field, code)]


def test_a_retired_region_is_refused_with_all_its_successors() -> None:
    """A denominator is never moved silently: no successor need have the same people."""
    ambiguous = next(row.code for row in table() if not isinstance(HOMES.home_of(row.code), str | None))
    retired, several = of_csv(
        "potentials", *(f"{code},workers,2023-09-01,1,bps,all" for code in ("91.01.01", ambiguous, "93.01"))
    ).errors
    assert retired.fix.startswith("write 93.01.01 ")
    assert (several.code, "may stand for" in several.wrong) == ("ambiguous_region", True)


@pytest.mark.parametrize(
    ("kind", "field", "value", "code"),
    [
        ("potentials", "value", "1710891", "wrong_type"), ("potentials", "value", "5 thousand", "not_whole"),
        ("potentials", "value", 1.5, "decimals"), ("potentials", "value", True, "not_whole"),
        ("potentials", "value", [5], "not_whole"), ("potentials", "value", float("nan"), "not_whole"),
        ("potentials", "region", 11, "wrong_type"), ("potentials", "region", "\ud800", "unknown_region"),
        ("potentials", "valid_from", None, "malformed_date"), ("potentials", "basis", 1, "unknown_value"),
        ("potentials", "basis", "\ud800", "wrong_type"), ("potentials", "source", {}, "wrong_type"),
        ("potentials", "source", None, "empty"), ("potentials", "source", "{wrong}\ud800", "unprintable"),
        ("quotas", "kinds", [], "empty"), ("quotas", "kinds", "desa", "wrong_type"),
        ("quotas", "kinds", ["desa|kelurahan"], "unknown_value"), ("quotas", "kinds", [5], "unknown_value"),
        ("designations", "value", 1, "unknown_value"), ("designations", "value", [], "unknown_value"),
    ],
)  # fmt: skip
def test_a_json_value_of_another_type_is_refused(kind: str, field: str, value: object, code: str) -> None:
    """Even where it reads right: a region read as a number loses zeros (63.10)."""
    assert refused(of_json(kind, **{field: value})) == [(field, code)]


@pytest.mark.parametrize("ratio", ["0.123456789012", "0.000000000001", "0.40", '"0.4354"', "1", "0.1000000000"])
def test_a_ratio_in_json_is_read_digit_by_digit(ratio: str) -> None:
    """As a number or as a text, it is never rounded."""
    row = dict(zip(COLUMNS["targets"].split(","), POINT.split(","), strict=True)) | {"ratio": "RATIO"}
    body = json.dumps([row]).replace('"RATIO"', ratio).encode()
    (statement,) = check(KINDS["targets"], body, Format.JSON, HOMES.home_of).statements
    assert statement.value is not None
    assert statement.value.points[0].ratio == Decimal(ratio.strip('"'))
