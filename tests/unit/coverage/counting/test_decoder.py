"""Which records are changes of a partition, and why the others are not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.kafka.decoder import ChangeDecoder
from shared.adapters.dead_letters import UnusableRecord
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION
from tests.factories_coverage import OTHER_PROVINCE, change, changes, counted, partition, state, value

SAME_PARTITION = next(
    regency
    for province in catalogue().children(NATION)
    for regency in catalogue().children(province)
    if regency != "11.01" and partition(regency) == partition("11.01")
)
GOLDEN = Path(__file__).parents[3] / "golden" / "enrollment.changed.v1.json"


def decoded(record: bytes | None, at: int | None = None) -> CountedChange:
    """Return the change as read from the factory village's partition, or the one given."""
    return ChangeDecoder(catalogue().__contains__).decode(record, partition() if at is None else at)


def test_a_change_survives_the_wire() -> None:
    """What the registry encodes is what is counted; a field added later is passed over."""
    assert decoded(value(change())) == counted(change())
    assert decoded(value(change(), added_later={"a": [1]})) == counted(change())


@given(changes())
def test_the_lean_reading_is_that_of_the_contract(some: list[Change]) -> None:
    """Whatever is counted of a change is the same, read by the decoder's own struct or as the contract's `Change`."""
    for one in some:
        place = (one.after or one.before or state()).region
        whole = msgspec.json.decode(value(one), type=Change)
        assert decoded(value(one), partition(place)) == counted(whole) == counted(one)


def test_the_golden_change_is_read() -> None:
    """The frozen example of this schema version."""
    assert decoded(GOLDEN.read_bytes()).kind == "moved"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "null_value"),
        (b"", "not_json"),
        (b"\xff\x00\xfe", "not_json"),
        (b'{"seq":', "not_json"),
        (b'{"x":' * 50_000, "not_json"),
        (b'"text"', "wrong_schema"),
        (b'{"region":"11","registered":5}', "wrong_schema"),
        (value(change(), seq="1"), "wrong_schema"),
        (value(change(), seq=...), "wrong_schema"),
        (value(change(), diff=2), "wrong_schema"),
        (value(change(), kind="vanished"), "wrong_schema"),
        (value(change(), after=None), "wrong_schema"),
        (value(change(), recorded_at="2026-11-21T10:00:00"), "wrong_schema"),
        (value(change(), recorded_at="9999-12-31T23:59:59Z"), "wrong_schema"),
        (value(change(after=state("11.01.02.9999"))), "unknown_region"),
        (value(change(after=state("3501"))), "unknown_region"),
        (value(change(after=state("11"))), "unknown_region"),
        (value(change(after=state("ID"))), "unknown_region"),
        (value(change(after=state(""))), "unknown_region"),
        (value(change(after=state(OTHER_PROVINCE))), "unknown_region"),
        (value(change(before=None, after=None)), "wrong_schema"),
        (value(change(before=state("11.01"), after=state(SAME_PARTITION))), "wrong_schema"),
    ],
)
def test_what_is_no_change_of_this_partition_has_its_reason(record: bytes | None, reason: str) -> None:
    """Nothing that can stand on the topic stops the reader."""
    with pytest.raises(UnusableRecord) as unusable:
        decoded(record)
    assert unusable.value.reason == reason
