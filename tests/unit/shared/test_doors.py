"""What every route of every service refuses in the same way, and the headers of every answer."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.coverage.http.search import WAITING_AT_MOST, Hits, SearchQueue
from services.notifier.http.alerts import Milliseconds, next_cursor, page_start
from shared.adapters.http_problem import Problem
from shared.adapters.paging import cursor_in, place_in
from tests.doors import Doors, open_doors


@pytest.fixture(scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    """The applications of the three services."""
    return await open_doors(tmp_path_factory.mktemp("keys"))


def problem(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def test_an_unknown_parameter_is_refused_at_every_route(doors: Doors) -> None:
    """The nearest known one is named, the stranger's word is not."""
    routes = [*doors.routes()]
    assert {route.service for route in routes} == {"registry", "coverage", "notifier"}
    for route in routes:
        near = next(iter(route.parameters), "xyz")
        for word in (f"{near}1", "nik1101014101900001"):
            answer = await doors.ask(route, {word: "2020-01-01"})
            assert problem(answer) == (422, "unknown_parameter"), route
            assert word not in answer.text
        if route.parameters:
            assert f"did you mean {near}?" in (await doors.ask(route, {f"{near}1": ""})).json()["detail"], route
    for hidden in ("/docs", "/openapi.json"):
        assert problem(await doors.get("coverage", f"{hidden}?x=1")) == (422, "unknown_parameter")


async def test_a_mistyped_day_does_not_get_todays_figures(doors: Doors) -> None:
    """The example of the issue: `asof`."""
    answer = await doors.get("coverage", "/v1/regions/11?asof=2020-01-01")
    assert (problem(answer), answer.json()["field"]) == ((422, "unknown_parameter"), "as_of")
    assert answer.json()["detail"] == (
        "this path does not take one of the query parameters; did you mean as_of? (it takes as_of, known_at)"
    )


@pytest.mark.parametrize(
    "day",
    ["0", "1706659200", "1706659200.5", "-1", "2026-1-1", "20260101", "2026-W01-1", "2026-02-30", "2026-01-01T00:00:00",
     "2026-01-01 ", "\uff12\uff10\uff12\uff16-01-01", "today", "", "9" * 5000, "0000-01-01"],
)  # fmt: skip
async def test_a_day_has_one_form_at_every_route(doors: Doors, day: str) -> None:
    """Only YYYY-MM-DD; our words say so and do not repeat what was sent."""
    asked = 0
    for route in doors.routes():
        for name, about in route.parameters.items():
            if "'format': 'date'" in str(about["schema"]):
                answer = await doors.ask(route, {name: day})
                detail = "is no day of the calendar; write it as YYYY-MM-DD, such as 2026-10-31"
                assert problem(answer) == (422, "malformed_request"), route
                assert answer.json()["errors"] == [{"field": name, "detail": detail}]
                assert answer.json()["detail"] == f"{name} {detail}"
                asked += 1
    assert asked > 10


@pytest.mark.parametrize(
    ("service", "query", "field", "detail"),
    [
        ("coverage", "11/children?limit=many", "limit", "no whole number, or far too large; write digits only"),
        ("coverage", "11/children?limit=1.5", "limit", "no whole number, or far too large; write digits only"),
        ("coverage", "11/children?limit=" + "9" * 5000, "limit", "no whole number, or far too large; write digits"),
        ("coverage", "11/children?limit=0", "limit", "too small; write 1 or more"),
        ("coverage", "11/children?limit=501", "limit", "too large; write 500 or less"),
        ("coverage", "11/children?sort=siz7", "sort", "none of the words that this takes; write 'code', 'name'"),
        ("coverage", "11/children?filter=at_zero&filter=siz7", "filter", "none of the words that this takes; write 'b"),
        ("coverage", "?q=", "q", "too short; write at least 1 characters"),
        ("coverage", "?q=" + "siz7" * 30, "q", "too long; write at most 100 characters"),
        ("coverage", "", "q", "missing; send it"),
        ("notifier", "/v1/alerts?state=siz7", "state", "none of the words that this takes; write 'firing'"),
        ("notifier", "/v1/alerts?limit=0", "limit", "too small; write 1 or more"),
    ],
)
async def test_a_malformed_parameter_is_explained_in_our_words(
    doors: Doors, service: str, query: str, field: str, detail: str
) -> None:
    """The parameter, what is wrong and what to do; never the value, and not in a library's words."""
    path = query if query.startswith("/v1") else f"/v1/regions{'' if query[:1] in ('?', '') else '/'}{query}"
    answer = await doors.get(service, path, headers=doors.headers)
    assert problem(answer) == (422, "malformed_request")
    (error,) = answer.json()["errors"]
    assert error["field"] == answer.json()["field"] == field
    assert error["detail"].startswith(f"is {detail}")
    assert "siz7" not in answer.text


async def test_a_malformed_boolean_and_its_words(doors: Doors) -> None:
    """`dry_run` of every kind of reference data, `region_codes` of a bulk."""
    for route in doors.routes():
        if "dry_run" in route.parameters:
            (error,) = (await doors.ask(route, {"dry_run": "perhaps"})).json()["errors"]
            assert error == {"field": "dry_run", "detail": "is neither true nor false; write one of them"}
        if "region_codes" in route.parameters:
            (error,) = (await doors.ask(route, {"region_codes": "7"})).json()["errors"]
            assert error["detail"] == "is none of the words that this takes; write 'kemendagri' or 'bps'"


def packed(content: bytes) -> str:
    """Return bytes as a cursor carries them."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=6,
)
PLACES: tuple[Any, ...] = (list[str], str, tuple[bool, int, str], tuple[Milliseconds, str], Hits)
ORDERS = st.sampled_from(["alerts", "deliveries", "search", "potentials", "11 code", "quota vulnerable"])
made_up = (
    st.text(max_size=60)
    | st.binary(max_size=60).map(packed)
    | junk.filter(lambda one: not (isinstance(one, list) and len(one) == 2)).map(lambda one: packed(dumped(one)))
)


def dumped(content: object) -> bytes:
    """Return a value as JSON, also what is none: NaN, lone halves of characters."""
    return json.dumps(content).encode()


@given(made_up)
@example("9" * 5000)
@example(packed(b"0001-01-01T00:00:00+23:59 a"))
@example(packed(b"[" * 40_000))
@example(packed(b'["search",' + b"[" * 20_000))
@example(packed(b'["search",' + b"9" * 5000 + b"]"))
@example(packed(b'["search",501]'))
@example(packed(b'["search",-1]'))
@example(packed(b'["alerts",["0001-01-01T00:00:00+23:59","a"]]'))
@example(packed(b'["alerts",[10000000000000,"a"]]'))
@example(packed(b'["alerts",[true,"a"]]'))
@example(packed(b'["alerts",[1e400,"a"]]'))
@example(packed(b'["11 code",["12.01"]]'))
@example(packed(b'["11 code",["11.01\\u0000"]]'))
@example(packed(b'["quota vulnerable",[1,1e99,"\\ud800"]]'))
@example("\0")
@example("\u00e9")
@example("")
def test_a_made_up_cursor_is_refused_at_every_paged_route(doors: Doors, cursor: str) -> None:
    """422, whatever it holds."""

    async def ask() -> None:
        paged = [route for route in doors.routes() if "cursor" in route.parameters]
        assert len(paged) == 14
        for route in paged:
            answer = await doors.ask(route, {"cursor": cursor})
            assert problem(answer) in ((422, "malformed_cursor"), (422, "other_cursor")), route

    asyncio.run(ask())


@given(ORDERS, junk)
def test_a_cursor_holds_a_place_of_its_list_or_is_refused(order: str, place: Any) -> None:
    """Whatever else is packed as a page would pack it ends in the refusal; what comes through survives a round trip."""
    cursor = packed(dumped([order, place]))
    for kind in PLACES:
        with suppress(Problem):
            found = place_in(order, cursor, kind)
            assert place_in(order, cursor_in(order, found), kind) == found
            with pytest.raises(Problem, match="another list"):
                place_in("other", cursor, kind)


@pytest.mark.parametrize("service", ["registry", "coverage", "notifier"])
async def test_head_is_get_without_a_body(doors: Doors, service: str) -> None:
    """The same status and headers; a path that has no GET says so; OpenAPI keeps silent about it."""
    for path in ("/health/live", "/asyncapi", "/asyncapi.json", "/docs", "/openapi.json", "/nowhere", "/docs?x=1"):
        get, head = [await doors.get(service, path, method=method) for method in ("GET", "HEAD")]
        assert (head.status_code, head.headers, head.content) == (get.status_code, get.headers, b"")
    assert not any("head" in methods for methods in doors.apis[service].openapi()["paths"].values())
    wrong = await doors.get(service, "/health/live", method="DELETE")
    assert wrong.headers["allow"] == "GET, HEAD"
    posted = await doors.get("registry", "/v1/facts", method="HEAD")
    assert (posted.status_code, posted.headers["allow"]) == (405, "POST")


async def test_who_sends_a_token_gets_an_answer_that_nobody_keeps(doors: Doors) -> None:
    """`private, no-store` at every route, refused or not; without a token the answer says nothing of the kind."""
    for route in doors.routes():
        answer = await doors.ask(route, {"x": "1"})
        assert answer.headers["cache-control"] == "private, no-store", route
    for token in ("Bearer x.y.z", "", "\x00"):
        answer = await doors.get("coverage", "/v1/regions/99", headers={"authorization": token.encode()})
        assert answer.headers["cache-control"] == "private, no-store"
    found = await doors.get("coverage", "/v1/regions?q=aceh")
    assert found.headers["cache-control"] == "no-cache"
    held = await doors.get("coverage", "/v1/regions?q=aceh", headers=doors.headers)
    assert held.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("service", ["registry", "coverage", "notifier"])
async def test_pages_load_nothing_from_elsewhere(doors: Doors, service: str) -> None:
    """No address but our own; a policy that forbids all else, frames too; `nosniff` on everything."""
    for path in ("/docs", "/asyncapi"):
        page = await doors.get(service, path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert 'src="http' not in page.text
        assert 'href="http' not in page.text
    for path in ("/docs", "/asyncapi.json", "/health/live", "/v1/nowhere", "/static-offline-docs/swagger-ui.css"):
        answer = await doors.get(service, path)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await doors.get(service, "/static-offline-docs/swagger-ui.css")).status_code == 200


HOSTILE = [
    "[",
    "evil.example",
    "a b",
    "\x7f",
    "\u00e9" * 50,
    "*" * 3000,
    '"',
    "W/",
    ";q=nan",
    ";q=1e999",
    "gzip;q=" + "9" * 999,
    ",",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_no_header_is_an_error_of_ours(doors: Doors, value: str) -> None:
    """Whatever a header holds, the answer is what it would be without it, or a refusal."""
    names = ("host", "if-none-match", "accept-encoding", "accept", "range", "origin", "x-forwarded-for", "traceparent",
             "content-type", "content-encoding", "authorization", "cookie")  # fmt: skip
    for service in doors.apis:
        for path in ("/health/live", "/v1/regions?q=aceh", "/v1/regions/91.01", "/docs", "/v1/alerts"):
            for name in names:
                answer = await doors.get(service, path, headers={name: value.encode("latin-1")})
                assert answer.status_code < 500, (service, path, name)


async def test_an_ambiguous_code_is_the_same_problem_at_every_service(doors: Doors) -> None:
    """Alerts, reference data, regions: the candidates are named."""
    paths = [("coverage", "/v1/regions/91.07.01.1059"), ("coverage", "/v1/potentials?region=91.07.01.1059"),
             ("notifier", "/v1/alerts?region=91.07.01.1059")]  # fmt: skip
    answers = [await doors.get(service, path, headers=doors.headers) for service, path in paths]
    assert {problem(answer) for answer in answers} == {(404, "ambiguous_region")}
    assert answers[0].json() == answers[1].json() == answers[2].json()
    for service, path in (("coverage", "/v1/quotas?region=99"), ("notifier", "/v1/alerts?region=99")):
        assert problem(await doors.get(service, path, headers=doors.headers)) == (404, "unknown_region")


async def test_names_are_found_as_people_type_them_over_http(doors: Doors) -> None:
    """Apostrophes, abbreviations, codes without dots, a full name with commas; at most 500 hits."""
    for query, code in (
        ("ma\u2019rang, pangkajene", "73.10.08.1003"),
        ("dki jakarta", "31"),
        ("sulsel", "73"),
        ("kep. riau", "21"),
        ("1101", "11.01"),
        ("Lambang Sari I, II, III", "14.02.09.2010"),
    ):
        found = await doors.get("coverage", "/v1/regions", params={"q": query})
        assert code in [one["code"] for one in found.json()["items"]]
    seen: list[str] = []
    page: dict[str, Any] = {"next": None}
    while not seen or page["next"]:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = (await doors.get("coverage", "/v1/regions", params={"q": "a", "limit": "300"} | cursor)).json()
        seen += [one["code"] for one in page["items"]]
    assert len(seen) == len(set(seen)) == 500


class Index:
    """An index whose searches wait until they are let go."""

    def __init__(self) -> None:
        self.made = 0
        self.go = threading.Event()

    def make(self) -> Any:
        """Count how often the index is made."""
        self.made += 1
        return self

    def search(self, query: str) -> Callable[[Any], list[str]]:
        """Return a search that waits, then finds what was asked."""

        def find(_index: Any) -> list[str]:
            self.go.wait(20)
            return [query]

        return find


async def test_beyond_the_waiting_searches_another_is_asked_to_come_back() -> None:
    """503 with Retry-After at once; the index is made once; after the wait all have their answer and more may come."""
    index = Index()
    queue = SearchQueue(index.make)
    waiting = [asyncio.ensure_future(queue.run(index.search(str(n)))) for n in range(WAITING_AT_MOST)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await queue.run(index.search("x"))
    assert (refused.value.status, refused.value.code, refused.value.headers) == (503, "busy", {"Retry-After": "1"})
    waiting[-1].cancel()
    index.go.set()
    assert await asyncio.gather(*waiting[:-1]) == [[str(n)] for n in range(WAITING_AT_MOST - 1)]
    assert await queue.run(index.search("more")) == ["more"]
    assert index.made == 1


def test_a_cursor_of_the_notifier_keeps_the_millisecond() -> None:
    """MongoDB's precision, at both ends of what is taken."""
    for at in (datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 21, 3, 0, 0, 123_000, tzinfo=UTC)):
        start = page_start("alerts", next_cursor("alerts", at, "x"))
        assert start is not None
        assert (start.at, start.id) == (at, "x")
