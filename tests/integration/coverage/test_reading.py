"""What readers build upon, on real servers: search, answers that may be kept, the monev sheet and the stream."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import httpx
import msgspec
from openpyxl import load_workbook

from services.coverage.app import build
from tests.factories_coverage import VILLAGE, change, joined, state
from tests.integration.coverage.stack import Replica, Stack
from tests.integration.coverage.test_http import put
from tests.serving import listening, served
from tests.waiting import eventually

POTENTIAL = "region,basis,valid_from,value,source,definition\n11,workers,2023-01-01,50,bps,all\n"
EARLY = datetime(2023, 6, 24, 3, 0, tzinfo=UTC)
MONEV = "/v1/reports/monev?region=11&as_of=2023-06-30&known_at=2023-07-15"


async def test_regions_are_found_by_name_with_their_parents(replica: Replica) -> None:
    """Namesakes are told apart by what lies above; a list goes on where the page before ended."""
    first = (await replica.http.get("/v1/regions?q=desa sukamaju&limit=2")).json()
    second = (await replica.http.get(f"/v1/regions?q=desa sukamaju&limit=2&cursor={first['next']}")).json()
    found = first["items"] + second["items"]
    assert len({item["code"] for item in found}) == 4
    assert {item["name"] for item in found} == {"Sukamaju"}
    assert [parent["code"] for parent in found[0]["parents"]] == [found[0]["code"][:end] for end in (8, 5, 2)]


async def test_an_answer_that_the_reader_has_is_not_sent_again(stack: Stack, replica: Replica) -> None:
    """The same ETag as long as nothing changed, whatever the time; another once a figure has, and for who sees more."""
    await stack.publish(joined(12))
    await eventually(lambda: replica.counts("ID", 12))
    await eventually(lambda: caught_up(replica))
    paths = [
        "",
        "/children",
        "/provenance",
        "/due",
        "/history",
        "/flows",
        "/quota?group=vulnerable",
        "?as_of=2026-11-20",
    ]
    for path in [*(f"/v1/regions/11{part}" for part in paths), MONEV]:
        first = await replica.http.get(path, headers=replica.headers)
        etag = first.headers["etag"]
        again = await replica.http.get(path, headers=replica.headers | {"if-none-match": etag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    first = await replica.http.get("/v1/regions/11", headers=replica.headers)
    public = await replica.http.get("/v1/regions/11", headers={"if-none-match": first.headers["etag"]})
    assert public.status_code == 404
    await stack.publish(joined(1, first=12))
    await eventually(lambda: replica.counts("ID", 13))
    changed = await replica.http.get(
        "/v1/regions/11", headers=replica.headers | {"if-none-match": first.headers["etag"]}
    )
    assert changed.json()["registered"] == 13


async def caught_up(replica: Replica) -> bool:
    """Say whether the region is no longer catching up."""
    return not (await replica.region("11"))["catching_up"]


async def test_other_web_sites_may_read_only_where_that_is_set(stack: Stack, replica: Replica) -> None:
    """No CORS headers by default; with a site named, those for this site alone."""
    asking = {"origin": "https://data.example.go.id"}
    assert "access-control-allow-origin" not in (await replica.http.get("/v1/regions/11", headers=asking)).headers
    settings = stack.settings("coverage-1").model_copy(update={"cors_origins": [asking["origin"]]})
    async with served(build(settings)) as http:
        allowed = await http.get("/v1/regions/11", headers=asking)
        assert allowed.headers["access-control-allow-origin"] == asking["origin"]
        other = await http.get("/v1/regions/11", headers={"origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_the_monev_sheet_of_a_day_is_the_same_file_whatever_comes_later(stack: Stack, replica: Replica) -> None:
    """XLSX and CSV as of June 2023, known in July: what is recorded today changes neither by a byte."""
    early = [change(n, effective_day=date(2023, 6, 15), recorded_at=EARLY) for n in range(20)]
    await stack.publish(early)
    await put(replica, POTENTIAL)
    await eventually(lambda: replica.counts("ID", 20))
    files = [await report(replica, f"{MONEV}&format={form}") for form in ("xlsx", "csv")]
    await stack.publish([change(20 + n, after=state(VILLAGE), effective_day=date(2023, 6, 20)) for n in range(5)])
    await eventually(lambda: replica.counts("ID", 25))
    assert [await report(replica, f"{MONEV}&format={form}") for form in ("xlsx", "csv")] == files
    table = list(csv.DictReader(files[1].decode().splitlines()))
    assert (table[0]["Kode"], table[0]["Terdaftar"], table[0]["Aktif"]) == ("11", "20", "20")
    assert sum(int(row["Terdaftar"]) for row in table[1:]) == 20
    book = load_workbook(BytesIO(files[0]))
    assert book["Monev 11"].cell(2, 4).value == 20
    link = "http://127.0.0.1:8002/v1/reports/monev?region=11&as_of=2023-06-30&known_at=2023-07-15&format=xlsx"
    assert {row[0].value: row[1].value for row in book["Keterangan"].iter_rows(max_col=2)}["Tautan"] == link


async def test_no_file_holds_what_a_caller_put_into_the_address(replica: Replica) -> None:
    """The link comes from a setting, never from the header Host; a retired code and its successor give one file."""
    usual = await report(replica, MONEV)
    for host in ("evil.example", "evil.example:99999", "[", "a b"):
        other = await replica.http.get(MONEV, headers=replica.headers | {"host": host})
        assert other.content == usual
    refused = await replica.http.get(f"{MONEV}&x=1", headers=replica.headers)
    assert refused.json()["code"] == "unknown_parameter"
    retired, successor = [await report(replica, MONEV.replace("=11", f"={code}")) for code in ("91.01", "93.01")]
    assert retired == successor


async def report(replica: Replica, address: str) -> bytes:
    """Return a report's file."""
    response = await replica.http.get(address, headers=replica.headers)
    assert response.status_code == 200, response.text
    assert "attachment" in response.headers["content-disposition"]
    return response.content


async def test_a_stream_tells_what_is_and_then_what_changes(stack: Stack, replica: Replica) -> None:
    """At first the region and all directly below it; then, without asking, those that someone was counted in."""
    await stack.publish(joined(12))
    await eventually(lambda: replica.counts("ID", 12))
    async with (
        listening(stack.api("coverage-1")) as address,
        httpx.AsyncClient(base_url=address, headers=replica.headers, timeout=30) as http,
        http.stream("GET", "/v1/stream?region=11") as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        told = events(response)
        first = [await anext(told) for _ in range(24)]
        assert [event["region"] for event in first[:2]] == ["11", "11.01"]
        await stack.publish(joined(1, first=12))
        async for event in told:
            if (event["region"], event["registered"]) == ("11", 13):
                break


async def events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield the data of each event."""
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield msgspec.json.decode(line.removeprefix("data: "))
