"""Reference data on real servers: from a file to the snapshot, for every kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.coverage.http.reference import example_csv, example_rows
from services.coverage.reference.schemas import KINDS
from shared.regions.catalogue import catalogue
from tests.factories_coverage import VILLAGE, joined
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

POTENTIALS = "region,basis,valid_from,value,source,definition\n"
TARGETS = "region,basis,measure,valid_from,date,ratio,source,definition\n"


async def put(replica: Replica, kind: str, body: str, **params: str) -> httpx.Response:
    """Send a file of a kind."""
    headers = replica.headers | {"content-type": "application/json" if body.startswith("[") else "text/csv"}
    return await replica.http.put(f"/v1/{kind}", params=params, content=body, headers=headers)


async def listed(replica: Replica, kind: str) -> list[dict[str, Any]]:
    """Return what is recorded of a kind."""
    page = (await replica.http.get(f"/v1/{kind}", headers=replica.headers)).json()
    items: list[dict[str, Any]] = page["items"]
    return items


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_goes_in_once_and_is_listed_with_its_versions(replica: Replica, kind: str) -> None:
    """A dry run records nothing. The file is recorded once, as CSV or as JSON."""
    model, rows = KINDS[kind], len(KINDS[kind].examples)
    tried = await put(replica, kind, example_csv(model), dry_run="true")
    assert (tried.json()["rows"], await listed(replica, kind)) == (rows, [])
    taken = await put(replica, kind, example_csv(model))
    assert taken.json() == {"rows": rows, "recorded": tried.json()["would_record"], "unchanged": 0}
    again = await put(replica, kind, json.dumps(example_rows(model)))
    assert again.json() == {"rows": rows, "recorded": 0, "unchanged": taken.json()["recorded"]}
    assert {item["version"] for item in await listed(replica, kind)} == {1}


async def test_a_file_with_wrong_rows_is_refused_and_each_is_named(replica: Replica) -> None:
    """As CSV, as JSON and in a dry run alike. The right row beside them is not recorded either."""
    lines = ["91.01.01,workers,2023-09-01,1.5,bps,all", "11,workers,2023-09-01,5,bps,all"]
    row = {"region": "91.01.01", "basis": "workers", "valid_from": "2023-09-01", "source": "bps", "definition": "all"}
    body = POTENTIALS + "\n".join(lines)
    answers = [
        (2, await put(replica, "potentials", body, dry_run="true")),
        (2, await put(replica, "potentials", body)),
        (1, await put(replica, "potentials", json.dumps([row | {"value": 1.5}, row | {"region": "11", "value": 5}]))),
    ]
    for number, response in answers:
        assert (response.status_code, response.json()["code"], response.json()["wrong"]) == (422, "rows_refused", 1)
        errors = response.json()["errors"]
        assert [(e["row"], e["region"], e["field"], e["code"]) for e in errors] == [
            (number, "91.01.01", "region", "retired_region"), (number, "91.01.01", "value", "decimals"),
        ]  # fmt: skip
        assert errors[0]["fix"].startswith("write 93.01.01")
        assert errors[1]["wrong"] == "'1.5' has decimals; people and villages are whole"
    unreadable = await put(replica, "potentials", "region;basis\n")
    assert (unreadable.status_code, unreadable.json()["code"]) == (422, "unreadable_file")
    assert await listed(replica, "potentials") == []


async def test_a_potential_of_0_is_a_figure_and_gives_no_ratio(stack: Stack, replica: Replica) -> None:
    """It is shown with its source. A ratio over 0 is null, and nobody is short of a target."""
    await stack.publish(joined(3))
    await eventually(lambda: replica.counts("11", 3))
    await put(replica, "potentials", POTENTIALS + "11,workers,2023-09-01,0,bps,all")
    await put(replica, "targets", TARGETS + "11,workers,active,2025-01-01,2025-12-31,0.4354,pmk,d")
    aceh = await replica.region("11")
    assert aceh["potential"]["workers"]["value"] == 0
    assert aceh["coverage"]["active"] == {"numerator": 3, "denominator": 0, "ratio": None}
    assert (aceh["target"][0]["people_required"], aceh["target"][0]["people_short"]) == (0, 0)


async def test_a_path_and_a_sum_stand_in_the_snapshot(stack: Stack, replica: Replica) -> None:
    """Potentials of all regencies make the province's; its target counts people short of it, on the topic too."""
    await stack.publish(joined(3))
    await eventually(lambda: replica.counts("ID", 3))
    regencies = catalogue().children("11")
    rows = "".join(f"{code},workers,2023-09-01,10,bps,all\n" for code in regencies)
    assert (await put(replica, "potentials", POTENTIALS + rows)).json()["recorded"] == 23
    await put(replica, "targets", TARGETS + "11,workers,active,2023-01-01,2023-12-31,0.40,pmk,d\n")
    aceh = await replica.region("11")
    assert aceh["potential"]["workers"] == {
        "value": 230, "source": "bps", "valid_from": "2023-09-01", "version": 23, "definition": "all", "summed": True,
    }  # fmt: skip
    assert (aceh["target"][0]["people_required"], aceh["target"][0]["people_short"]) == (92, 89)

    async def published() -> bool:
        return any(snapshot.target for snapshot in await stack.snapshots("11"))

    await eventually(published)


async def test_a_designation_stands_in_the_village_and_the_nations_pace(replica: Replica) -> None:
    """Another replica, or this one after a restart, knows it from the store."""
    new_year = f"{datetime.now(UTC):%Y}-01-01"
    rows = f"region,valid_from,value,source\n{VILLAGE},{new_year},designated,bpjs\nID,{new_year},200,bpjs\n"
    assert (await put(replica, "designations", rows)).json()["recorded"] == 2
    assert (await replica.region(VILLAGE))["designation"]["state"] == "designated"
    pace = (await replica.region("ID"))["designation"]["pace"]
    assert (pace["designated"], pace["quota"], pace["quota_in_all"]) == (1, 200, 200)


async def test_provenance_names_versions_and_sources(stack: Stack, replica: Replica) -> None:
    """Of any region, for officials; as of a day what held then."""
    await stack.publish(joined(1))
    await eventually(lambda: replica.counts("ID", 1))
    for kind in ("potentials", "sources", "awards"):
        await put(replica, kind, example_csv(KINDS[kind]))
    origins = (await replica.http.get("/v1/regions/11/provenance", headers=replica.headers)).json()
    assert [(p["basis"], p["value"], p["version"]) for p in origins["potentials"]] == [("workers", 1_710_891, 1)]
    (source,) = origins["sources"]
    assert (source["source"], source["cadence_days"]) == ("bpjs/aceh", 7)
    early = await replica.http.get("/v1/regions/11/provenance?as_of=2023-08-31", headers=replica.headers)
    assert early.json()["potentials"] == []
    village = await replica.http.get(f"/v1/regions/{VILLAGE}/provenance", headers=replica.headers)
    assert (village.status_code, village.json()["reference"]) == (200, [])
