"""What is a snapshot on the topic, what a tombstone, what is set aside and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.notifier.files.snapshots import decode
from shared.adapters.dead_letters import UnusableRecord
from shared.regions.catalogue import catalogue
from tests.factories_notifier import aceh_at_40, child, snapshot

IS_REGION = catalogue().__contains__
GOLDEN = Path(__file__).parents[3] / "golden" / "coverage.updated.v1.json"


@pytest.mark.parametrize("shot", [aceh_at_40()[0], snapshot(5, region="ID"), child("11.01.01.2001", 3)])
def test_a_snapshot_is_read_back_as_it_was_written(shot: Any) -> None:
    """At every level."""
    assert decode(shot.region.encode(), msgspec.json.encode(shot), IS_REGION) == shot


def test_the_frozen_example_can_be_read() -> None:
    """And so can a later one with more fields than we know."""
    body = GOLDEN.read_bytes()
    read = decode(b"11", body, IS_REGION)
    assert read is not None
    assert (read.region, read.active) == ("11", 651_652)
    assert decode(b"11", json.dumps(json.loads(body) | {"added_later": {"n": 1}}).encode(), IS_REGION) == read


def test_a_tombstone_of_a_region_is_legal() -> None:
    """A compacted topic may have it; it says nothing."""
    assert decode(b"11.01", None, IS_REGION) is None


def changed(**over: Any) -> bytes:
    """Return the frozen example with some fields changed."""
    return json.dumps(json.loads(GOLDEN.read_bytes()) | over).encode()


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, None, "null_value"),
        (b"foreign", None, "null_value"),
        (b"\xff", None, "null_value"),
        (b"11", b"\x00\xff\xfe", "not_json"),
        (b"11", b"", "not_json"),
        (b"11", b'{"x":' + b"[" * 100_000, "not_json"),
        (b"11", b"7", "wrong_schema"),
        (b"11", b'{"order": 1}', "wrong_schema"),
        (b"11", changed(active="many"), "wrong_schema"),
        (b"11", changed(region="99"), "unknown_region"),
        (b"12", changed(), "wrong_schema"),
        (None, changed(), "wrong_schema"),
        (b"11", changed(level="regency"), "wrong_schema"),
        (b"11", changed(parent="12"), "wrong_schema"),
        (b"11", changed(as_of="2026-11-21T10:00:00"), "wrong_schema"),
        (b"11", changed(as_of="9999-12-31T23:59:59Z"), "wrong_schema"),
        (b"11", changed(recorded_at="0001-01-01T00:00:00+09:00"), "wrong_schema"),
        (b"11", changed(position=2**63), "wrong_schema"),
        (b"11", changed(position=-1), "wrong_schema"),
        (b"11", changed(registered=2**70), "wrong_schema"),
        (b"11", changed(coverage={"active": {"numerator": -1, "denominator": 5, "ratio": None}}), "wrong_schema"),
        (b"11", changed(flows={"7d": {"joined": {"registered": 2**70}}}), "wrong_schema"),
        (b"11", changed(flows={"7d": {"joined": {"active": -(2**63)}}}), "wrong_schema"),
        (b"11", changed(as_of="9999-12-31T15:00:00Z"), "wrong_schema"),
        (b"11", changed(name="\ud800"), "not_json"),
    ],
)
def test_what_is_no_snapshot_is_refused(key: bytes | None, value: bytes | None, reason: str) -> None:
    """With the reason it is set aside under."""
    with pytest.raises(UnusableRecord) as refused:
        decode(key, value, IS_REGION)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "over",
    [
        {"position": 2**63 - 1},
        {"registered": 0, "active": 0},
        {"flows": {"7d": {"joined": {"registered": 2**63 - 1, "active": 1 - 2**63}}}},
        {"flows": {}},
        {"as_of": "9999-12-31T14:59:59.999999Z", "recorded_at": "0001-01-01T00:00:00Z"},
    ],
)
def test_the_last_values_in_range_are_taken(over: dict[str, Any]) -> None:
    """The limits are those of MongoDB's integers, and of dates in UTC and in WIT."""
    assert decode(b"11", changed(**over), IS_REGION) is not None
