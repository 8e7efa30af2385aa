"""Files of reference data that are refused, and figures that are nearly: nothing of them is recorded, all is said."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.coverage.reference.cells import Number
from typer.testing import CliRunner

from services.coverage.cli import app
from services.coverage.reference.schemas import KINDS
from tests.factories_coverage import VILLAGE, joined
from tests.integration.coverage.stack import Replica, Stack
from tests.serving import listening
from tests.waiting import eventually

POTENTIALS = "region,basis,valid_from,value,source,definition"
TARGETS = "region,basis,measure,valid_from,date,ratio,source,definition"
PATH = "11,workers,active,2025-01-01"
NO_VILLAGE = "63.10.03.2999"

REFUSED: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "potentials": (
        [
            POTENTIALS,
            "11,workers,2023-09-01,38.09%,bps,all",
            "Kalimantan,workers,2023-09-01,1500000,bps,all",
            "12,workers,2023-09-01,1.5 million,bps,all",
            "13,workers,2023-09-01,-1,bps,all",
        ],
        [("value", "percentage"), ("region", "unknown_region"), ("value", "not_whole"), ("value", "negative")],
    ),
    "targets": (
        [
            TARGETS,
            f"{PATH},2045-12-31,99.5%,pmk,d",
            f"{PATH},2025-12-31,0.4354,pmk,d",
            f"{PATH},2025-06-30,0.40,pmk,d",
            f"{PATH},2025-12-31,0.50,pmk,d",
        ],
        [("ratio", "percentage"), ("date", "out_of_order"), ("date", "repeated_point")],
    ),
    "quotas": (
        [
            "region,group,measure,count,kinds,valid_from,source",
            "63.10,vulnerable,active,90%,desa,2023-01-01,kab",
            "63.10,vulnerable,active,100,kampung,2023-01-01,kab",
        ],
        [("count", "percentage"), ("kinds", "unknown_value")],
    ),
    "designations": (
        [
            "region,valid_from,value,source",
            f"{NO_VILLAGE},2018-11-12,designated,bpjs",
            "63.10,2018-11-12,designated,bpjs",
            "ID,2019-01-01,198.5,bpjs",
        ],
        [("region", "unknown_region"), ("region", "no_village"), ("value", "decimals")],
    ),
    "awards": (
        ["region,name,valid_from,value,source", "Pacitan,Kabupaten Peduli,2023-10-05,awarded,bpjs"],
        [("region", "unknown_region")],
    ),
    "sources": (
        ["source,name,cadence_days,valid_from", "bpjs/aceh,BPJS,0,2023-01-01"],
        [("cadence_days", "out_of_range")],
    ),
}
"""By kind: a header and its rows; then field and code of each error, in order."""
RIGHT = {
    "potentials": "51,workers,2023-09-01,1873899,bps,all",
    "targets": "51,workers,active,2025-01-01,2025-12-31,0.6728,pmk,d",
    "quotas": "63.10,vulnerable,active,100,desa,2023-01-01,kab",
    "designations": f"{VILLAGE},2018-11-12,designated,bpjs",
    "awards": "35.01,Kabupaten Peduli,2023-10-05,awarded,bpjs",
    "sources": "bpjs/bali,BPJS,7,2023-01-01",
}
"""A right row of each kind, which is not recorded either."""


def as_json(kind: str, lines: list[str]) -> str:
    """Return the rows of a CSV as JSON: numbers bare where the kind takes them, lists in brackets."""
    columns = {column.name: column for column in KINDS[kind].columns}

    def value(name: str, text: str) -> object:
        if list in columns[name].takes:
            return text.split("|")
        return int(text) if text.isdecimal() and Number in columns[name].takes else text

    rows = csv.DictReader(io.StringIO("\n".join(lines)))
    return json.dumps([{name: value(name, text) for name, text in row.items()} for row in rows])


async def put(replica: Replica, kind: str, body: str, media_type: str, **params: str) -> httpx.Response:
    """Send a file of a kind."""
    headers = replica.headers | {"content-type": media_type}
    return await replica.http.put(f"/v1/{kind}", params=params, content=body, headers=headers)


async def listed(replica: Replica, kind: str) -> list[dict[str, Any]]:
    """Return what is recorded of a kind."""
    items: list[dict[str, Any]] = (await replica.http.get(f"/v1/{kind}", headers=replica.headers)).json()["items"]
    return items


async def test_every_wrong_row_of_every_kind_is_named_and_no_row_is_recorded(replica: Replica) -> None:
    """As CSV, as JSON and in a dry run alike: field and code, what is wrong, what to do; the right row stays out."""
    for kind, (lines, expected) in REFUSED.items():
        rows = [*lines, RIGHT[kind]]
        answers = [
            await put(replica, kind, "\n".join(rows), "text/csv"),
            await put(replica, kind, "\n".join(rows), "text/csv", dry_run="true"),
            await put(replica, kind, as_json(kind, rows), "application/json"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (422, "rows_refused"), answer.text
            errors = answer.json()["errors"]
            assert [(error["field"], error["code"]) for error in errors] == expected
            assert all(error["wrong"] and error["fix"] for error in errors)
        of_csv, of_json = (answer.json()["errors"] for answer in answers[1:])
        # In CSV the line, in JSON the place in the list: the header is a line too.
        assert [error["row"] - 1 for error in of_csv] == [error["row"] for error in of_json]
        assert await listed(replica, kind) == []


async def test_what_is_no_whole_number_in_json_is_refused_as_in_csv(replica: Replica) -> None:
    """A number with decimals is not rounded, and a quoted value comes back as it was written."""
    row = {"region": "11", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    body = json.dumps([row | {"value": value} for value in (0.3809, 1.5e6, "36,7%")])
    errors = (await put(replica, "potentials", body, "application/json")).json()["errors"]
    assert [error["code"] for error in errors][0::2] == ["decimals", "percentage"]
    assert errors[2]["wrong"] == "'36,7%' is a percentage"


async def test_a_potential_of_0_is_a_figure_and_gives_no_ratio(stack: Stack, replica: Replica) -> None:
    """It stands with its source; nobody is short of it, and what is divided by it is null, never 100 %."""
    await stack.publish(joined(3))
    await eventually(lambda: replica.counts("11", 3))
    await put(replica, "potentials", f"{POTENTIALS}\n11,workers,2023-09-01,0,bps,all", "text/csv")
    await put(replica, "targets", f"{TARGETS}\n{PATH},2025-12-31,0.4354,pmk,d", "text/csv")
    aceh = await replica.region("11")
    assert aceh["potential"]["workers"]["value"] == 0
    assert aceh["coverage"]["active"] == {"numerator": 3, "denominator": 0, "ratio": None}
    assert (aceh["target"][0]["people_required"], aceh["target"][0]["people_short"]) == (0, 0)


@pytest.mark.parametrize("kind", ["potentials", "targets", "designations"])
async def test_the_command_names_every_wrong_row(stack: Stack, tmp_path: Path, kind: str) -> None:
    """Exit code 1 and a line a fault, for JSON too; once corrected, a dry run and then the file are taken."""
    lines, expected = REFUSED[kind]
    wrong, right, token = tmp_path / "wrong.json", tmp_path / "right.json", tmp_path / "token.jwt"
    wrong.write_text(as_json(kind, [*lines, RIGHT[kind]]))
    right.write_text(as_json(kind, [lines[0], RIGHT[kind]]))
    token.write_text(stack.issuer.token(scope="reference:write"))
    async with listening(stack.api()) as url:

        async def load(file: Path, *options: str) -> tuple[int, list[str]]:
            arguments = ["load-reference", kind, str(file), "--url", url, "--token-file", str(token), *options]
            result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
            return result.exit_code, result.output.splitlines()

        code, said = await load(wrong)
        assert (code, len(said)) == (1, len(expected) + 1)
        assert all(f", {field}: " in line for (field, _), line in zip(expected, said, strict=False))
        assert said[-1].endswith("nothing was recorded; correct them and send the whole file again")
        assert await load(right, "--dry-run") == (0, ["1 rows: 1 would be recorded, 0 unchanged"])
        assert await load(right) == (0, ["1 rows: 1 recorded, 0 unchanged"])
        assert await load(right) == (0, ["1 rows: 0 recorded, 1 unchanged"])
