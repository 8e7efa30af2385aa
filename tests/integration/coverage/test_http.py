"""Coverage's HTTP side on real servers: who sees what, and reference data in and out."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from services.coverage.cli import app
from services.coverage.reference.schemas import KINDS
from tests.factories_coverage import OTHER_REGENCY, VILLAGE, joined
from tests.integration.coverage.stack import Replica, Stack
from tests.waiting import eventually

HEADER = "region,basis,valid_from,value,source,definition\n"
ACEH = HEADER + "11,workers,2023-09-01,17109,waspada,a hundredth of all who work\n"


async def put(replica: Replica, body: str | bytes, kind: str = "text/csv", **headers: str) -> httpx.Response:
    """Send a file of potentials."""
    return await replica.http.put(
        "/v1/potentials", content=body, headers=replica.headers | {"content-type": kind} | headers
    )


def problem(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


async def test_an_official_sees_everything(stack: Stack, replica: Replica) -> None:
    """With a token that has coverage:read: the snapshot, whatever its size, down to the village."""
    await stack.publish(joined(3))
    await put(replica, ACEH)
    await eventually(lambda: replica.counts("ID", 3))
    aceh = await replica.region("11")
    assert aceh["coverage"]["active"] == {"numerator": 3, "denominator": 17109, "ratio": 0.0002}
    assert aceh["potential"]["workers"]["source"] == "waspada"
    assert "suppressed" not in aceh
    assert (await replica.region(VILLAGE))["level"] == "village"


async def test_a_caller_without_the_scope_is_refused(stack: Stack, replica: Replica) -> None:
    """The unit tests have every refusal; here is one, by a served replica, of this door and of the next."""
    for path in (f"/v1/regions/{VILLAGE}/provenance", "/v1/potentials"):
        assert problem(await replica.http.get(path)) == (401, "unauthorised")
        lacking = await replica.http.get(path, headers=stack.headers("facts:write"))
        assert problem(lacking) == (403, "scope_missing")


async def test_a_bad_token_is_refused_even_where_none_is_needed(replica: Replica) -> None:
    """Whoever sends a token should learn that it does not hold."""
    response = await replica.http.get("/v1/regions/11", headers={"authorization": "Bearer x.y.z"})
    assert problem(response) == (401, "unauthorised")


async def test_children_are_paged_in_order_and_add_up(stack: Stack, replica: Replica) -> None:
    """Page by page every regency once; with the unplaced they make the parent."""
    await stack.publish(joined(3) + joined(2, "11.01", first=3))
    await eventually(lambda: replica.counts("ID", 5))
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "10"} | ({"cursor": cursor} if cursor else {})
        page = (await replica.http.get("/v1/regions/11/children", params=query, headers=replica.headers)).json()
        seen += page["items"]
        cursor = page["next"]
    codes = [item["region"] for item in seen]
    assert codes == sorted(set(codes))
    assert len(codes) == 23
    assert sum(item["registered"] for item in seen) + page["unplaced"]["registered"] == 5
    regency = (await replica.http.get("/v1/regions/11.01/children", headers=replica.headers)).json()
    assert regency["unplaced"] == {"registered": 2, "active": 2}


async def test_children_come_in_the_order_asked(stack: Stack, replica: Replica) -> None:
    """The greatest first, page by page; a cursor of another order is refused; filters leave the rest out."""
    for place, count in ((VILLAGE, 12), (OTHER_REGENCY, 20), ("11.03", 15)):
        await stack.publish(joined(count, place, active=place != "11.03"))
    await eventually(lambda: replica.counts("ID", 47))

    async def page(query: str) -> dict[str, Any]:
        response = await replica.http.get(f"/v1/regions/11/children?{query}", headers=replica.headers)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    first = await page("sort=-registered&limit=2")
    second = await page(f"sort=-registered&limit=2&cursor={first['next']}")
    assert [item["region"] for item in first["items"] + second["items"]] == ["11.02", "11.03", "11.01", "11.04"]
    zero = await page("filter=at_zero&sort=-registered")
    assert [item["registered"] for item in zero["items"]] == [15] + [0] * 20
    other = await replica.http.get(
        f"/v1/regions/11/children?sort=active&cursor={first['next']}", headers=replica.headers
    )
    assert problem(other) == (422, "other_cursor")


async def test_a_child_that_moves_between_two_pages_is_on_one_of_them(stack: Stack, replica: Replica) -> None:
    """After each page others become the greatest: each regency is shown once, in the order of the first page."""
    for place, count in (("11.03", 4), ("11.05", 3), ("11.07", 2)):
        await stack.publish(joined(count, place))
    await eventually(lambda: replica.counts("ID", 9))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    people = 9
    for late in ("11.02", "11.10", "11.12", *[None] * 9):
        query = {"sort": "-active", "limit": "2"} | cursor
        page = (await replica.http.get("/v1/regions/11/children", params=query, headers=replica.headers)).json()
        seen += [item["region"] for item in page["items"]]
        cursor = {"cursor": page["next"]}
        if late:
            people += 10
            await stack.publish(joined(10, late))
            await eventually(lambda: replica.counts("ID", people))  # noqa: B023 - awaited within the turn
    assert seen[:3] == ["11.03", "11.05", "11.07"]
    assert len(seen) == len(set(seen)) == 23
    assert page["next"] is None
    assert next(item["active"] for item in page["items"]) == 0
    first = await replica.http.get("/v1/regions/11/children?sort=-active&limit=3", headers=replica.headers)
    assert [item["region"] for item in first.json()["items"]] == ["11.02", "11.10", "11.12"]


@pytest.mark.parametrize("scope", [None, "facts:write", "coverage:read"])
async def test_every_order_and_filter_is_answered_to_every_caller(
    stack: Stack, replica: Replica, scope: str | None
) -> None:
    """Unknown numbers, at every level, are no error of ours. Who sees releases only is told that there is none yet, or
    that an order needs a token.
    """
    await stack.publish(joined(30) + joined(12, OTHER_REGENCY))
    await put(replica, ACEH)
    await eventually(lambda: replica.counts("ID", 42))
    headers = stack.headers(scope) if scope else {}
    parameters = (await replica.http.get("/openapi.json")).json()["paths"]["/v1/regions/{code}/children"]["get"]
    words = {one["name"]: one["schema"] for one in parameters["parameters"]}
    queries = [{"sort": one} for one in words["sort"]["enum"]]
    queries += [{"filter": one} for one in words["filter"]["items"]["enum"]]
    assert len(queries) == 21
    for region in ("ID", "11", "11.01", "11.01.02"):
        for query in queries:
            page = await replica.http.get(f"/v1/regions/{region}/children", params=query, headers=headers)
            refused = {None: {404, 401}, "facts:write": {404, 403}}
            assert page.status_code in refused.get(scope, {200}), (region, query, page.text)


async def test_head_is_get_without_a_body_at_every_route(replica: Replica) -> None:
    """Also of a stream, which ends with its headers."""
    paths = (await replica.http.get("/openapi.json")).json()["paths"]
    query = {"q": "aceh", "group": "vulnerable", "region": "11"}
    for path, methods in paths.items():
        if "get" in methods and path != "/metrics":
            taken = {one["name"] for one in methods["get"].get("parameters", ())}
            address = path.format(code="11")
            asked = {name: value for name, value in query.items() if name in taken}
            head = await replica.http.head(address, params=asked, headers=replica.headers)
            assert (head.status_code, head.content) == (200, b""), path
            if path != "/v1/stream":
                get = await replica.http.get(address, params=asked, headers=replica.headers)
                assert head.headers.keys() == get.headers.keys(), path


async def test_a_retired_code_finds_the_reference_data_of_its_successor(replica: Replica) -> None:
    """Rows are recorded under the code in force, whichever code asks for them."""
    await put(replica, ACEH.replace("11,workers", "93.01,workers"))
    for code in ("91.01", "93.01"):
        (row,) = (await replica.http.get(f"/v1/potentials?region={code}", headers=replica.headers)).json()["items"]
        assert row["region"] == "93.01"


async def test_potentials_are_recorded_once_and_listed_with_their_history(replica: Replica) -> None:
    """The same file again adds nothing; a restatement and a withdrawal stand beside what was."""
    assert (await put(replica, ACEH)).json() == {"rows": 1, "recorded": 1, "unchanged": 0}
    assert (await put(replica, ACEH)).json() == {"rows": 1, "recorded": 0, "unchanged": 1}
    row = {"region": "11", "basis": "workers", "valid_from": "2024-01-01", "value": 16016, "source": "waspada"}
    restated = await replica.http.put("/v1/potentials", json=[row | {"definition": "other"}], headers=replica.headers)
    assert restated.json()["recorded"] == 1
    assert (await replica.region("11"))["potential"]["workers"]["version"] == 2
    await put(replica, HEADER + "11,workers,2024-01-01,,waspada,other\n")
    assert (await replica.region("11"))["potential"] == {}
    first = (await replica.http.get("/v1/potentials?region=11&limit=2", headers=replica.headers)).json()
    second = await replica.http.get(
        "/v1/potentials", params={"region": "11", "cursor": first["next"]}, headers=replica.headers
    )
    values = [item["value"] for item in first["items"] + second.json()["items"]]
    assert values == [17109, 16016, None]
    assert second.json()["next"] is None


@pytest.mark.parametrize(
    ("body", "kind", "scope", "expected"),
    [
        ("province;ratio\n", "text/csv", "reference:write", (422, "unreadable_file")),
        ("{}", "application/json", "reference:write", (422, "unreadable_file")),
        (ACEH, "text/plain", "reference:write", (415, "unsupported_media_type")),
        (ACEH, "text/csv", "coverage:read", (403, "scope_missing")),
        (b"x" * (32 * 1024 * 1024 + 1), "text/csv", "reference:write", (413, "too_large")),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused(
    stack: Stack, replica: Replica, body: str | bytes, kind: str, scope: str, expected: tuple[int, str]
) -> None:
    """By its form, its type, its size or its sender."""
    assert problem(await put(replica, body, kind, **stack.headers(scope))) == expected


async def test_the_documents_describe_routes_and_topics(stack: Stack, replica: Replica) -> None:
    """OpenAPI and AsyncAPI are there, and name what is public."""
    paths = (await replica.http.get("/openapi.json")).json()["paths"]
    assert {f"/v1/{kind}" for kind in KINDS} <= paths.keys()
    assert {"/v1/regions/{code}", "/v1/regions/{code}/children", "/v1/regions/{code}/provenance"} <= paths.keys()
    channels = (await replica.http.get("/asyncapi.json")).json()["channels"]
    addresses = {channel["address"].removeprefix(stack.namespace) for channel in channels.values()}
    assert addresses == {"enrollment.changed.v1", "coverage.updated.v1", "enrollment.changed.v1.dead"}


async def test_the_command_sends_a_file_and_prints_the_report(stack: Stack, tmp_path: Path) -> None:
    """Exit code 0 and a summary, or 1 and every wrong row."""
    good, bad, token = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "token.jwt"
    good.write_text(ACEH)
    bad.write_text(HEADER + "11,workers,2023-09-01,38.09%,x,y\n")
    token.write_text(stack.issuer.token(scope="reference:write") + "\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(stack.api(), log_config=None))
        serving = asyncio.create_task(server.serve([listener]))

        async def load(file: Path, to: str = url) -> tuple[int, str]:
            arguments = ["load-reference", "potentials", str(file), "--url", to, "--token-file", str(token)]
            result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
            return result.exit_code, result.output

        assert await load(good) == (0, "1 rows: 1 recorded, 0 unchanged\n")
        code, output = await load(bad)
        assert code == 1
        assert "row 2 (11), value: '38.09%' is a percentage" in output
        code, output = await load(good, "http://127.0.0.1:1")
        assert code == 1
        assert "is coverage up?" in output
        server.should_exit = True
        await serving
