"""Answers that a reader may keep."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from fastapi import Request
from fastapi.responses import Response

from shared.adapters.http_answers import Steady, answer

LONG = {"regions": ["63.10"] * 1000}


def asked(**headers: str) -> Request:
    """A request with these headers, `_` standing for `-`."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": raw})


def etag(response: Response) -> str:
    """The ETag of an answer."""
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


NOW = datetime(2026, 11, 21, 3, 0, 0, 123_456, tzinfo=UTC)


def said(steady: Steady, active: int, minutes: int, address: str = "/v1/regions/63.10", *, full: bool = True) -> bytes:
    """What is said of two regions so many minutes later."""
    moment = NOW + timedelta(minutes=minutes)
    content = [{"region": code, "active": active, "as_of": moment} for code in ("63", "63.10")]
    return steady.bytes_of((address, full), content)


def test_what_stays_the_same_is_said_in_the_same_bytes() -> None:
    """A later look at what did not change says the first moment at which it was so."""
    steady = Steady()
    assert said(steady, 5, minutes=0) == said(steady, 5, minutes=1) == said(steady, 5, minutes=2)


def test_what_changes_is_said_as_of_now() -> None:
    """A change tells its own moment, even where it changes back."""
    steady = Steady()
    for minutes, active in enumerate((5, 6, 5)):
        assert b"03:0%d" % minutes in said(steady, active, minutes)


def test_every_address_is_remembered_for_itself() -> None:
    """Another region, or another reader, begins anew."""
    steady = Steady()
    assert said(steady, 5, 0) != said(steady, 5, 1, "/v1/regions/63.11")
    assert said(steady, 5, 0) != said(steady, 5, 2, full=False)


def test_what_is_remembered_is_bounded() -> None:
    """Beyond the bound all is forgotten, and said anew."""
    steady = Steady(addresses_at_most=2)
    first = [said(steady, 5, 0, address) for address in "abc"]
    assert [said(steady, 5, 1, address) == one for address, one in zip("abc", first, strict=True)] == [False] * 3
    assert msgspec.json.decode(said(steady, 5, 2, "c"))[0]["active"] == 5
