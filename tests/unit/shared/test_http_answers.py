"""Answers that a reader may keep."""

from __future__ import annotations

import gzip

import pytest
from fastapi import Request
from fastapi.responses import Response

from shared.adapters.http_answers import answer, answer_unless_held

LONG = {"regions": ["63.10"] * 1000}


def asked(path: str = "/", query: str = "", **headers: str) -> Request:
    """Return a request with these headers, `_` standing for `-`."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    server = ("test", 80)
    return Request(
        {
            "type": "http",
            "method": "GET",
            "headers": raw,
            "path": path,
            "query_string": query.encode(),
            "server": server,
        }
    )


def etag(response: Response) -> str:
    """Return the ETag of an answer."""
    return response.headers["etag"]


def test_the_same_content_has_the_same_etag() -> None:
    """It is strong, and of the bytes alone, so that all replicas give the same."""
    assert etag(answer(asked(), LONG)) == etag(answer(asked(), LONG)) != etag(answer(asked(), {}))
    assert etag(answer(asked(), LONG)).startswith('"')


@pytest.mark.parametrize("named", ["{}", "W/{}", '"other", {}', "*"])
def test_a_reader_who_holds_it_hears_so_and_no_more(named: str) -> None:
    """304 without a body, with the ETag, however the reader or a proxy names it."""
    known = etag(answer(asked(), LONG))
    again = answer(asked(if_none_match=named.format(known)), LONG)
    assert (again.status_code, bytes(again.body), etag(again)) == (304, b"", known)


def test_a_reader_who_holds_another_gets_it_whole() -> None:
    """An ETag of other content does not count."""
    assert answer(asked(if_none_match=etag(answer(asked(), {}))), LONG).status_code == 200


@pytest.mark.parametrize(
    ("encodings", "packed"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("*", True), ("gzip;q=0, *", False), ("br", False), ("", False)],
)
def test_long_answers_are_packed_for_those_who_take_gzip(encodings: str, packed: bool) -> None:
    """Packed or not, the content is the same; the bytes are not, and neither is the ETag."""
    plain, sent = answer(asked(), LONG), answer(asked(accept_encoding=encodings), LONG)
    assert (sent.headers.get("content-encoding") == "gzip") is packed
    assert (gzip.decompress(bytes(sent.body)) if packed else bytes(sent.body)) == bytes(plain.body)
    assert (etag(sent) != etag(plain)) is packed
    assert "Accept-Encoding" in sent.headers["vary"]


def test_a_short_answer_goes_as_it_is() -> None:
    """Packing it would save no packet."""
    assert "content-encoding" not in answer(asked(accept_encoding="gzip"), {"region": "63.10"}).headers


async def versioned(request: Request, versions: object, built: list[object]) -> Response:
    """Answer from these versions; note in `built` each time a body is built."""

    async def build() -> object:
        built.append(versions)
        return LONG

    return await answer_unless_held(request, versions, build)


async def test_a_reader_who_holds_the_same_versions_costs_no_body() -> None:
    """The ETag is known before the body: the same for the same versions, packed or not, and weak."""
    built: list[object] = []
    first = await versioned(asked(accept_encoding="gzip"), [1, 7], built)
    assert (first.status_code, etag(first)[:2], built) == (200, "W/", [[1, 7]])
    again = await versioned(asked(if_none_match=etag(first)), [1, 7], built)
    assert (again.status_code, etag(again), built) == (304, etag(first), [[1, 7]])
    changed = await versioned(asked(if_none_match=etag(first)), [1, 8], built)
    assert (changed.status_code, built) == (200, [[1, 7], [1, 8]])


async def test_an_etag_of_versions_belongs_to_one_address() -> None:
    """The path and every parameter of the query are part of it."""
    tags = [etag(await versioned(asked(path, query), [1], [])) for path, query in (("/a", ""), ("/b", ""), ("/b", "x"))]
    assert len(set(tags)) == 3
