"""The registry's topics as its AsyncAPI document shows them: shape, key and examples of the records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from faststream.kafka import KafkaBroker
from faststream.kafka.publisher.usecase import DefaultPublisher

from shared.adapters.asyncapi import declare_publisher, describe_read
from shared.contracts.changes import Change, Kind, State
from shared.contracts.examples import FACTS
from shared.contracts.facts import Fact
from shared.contracts.rejections import Rejection
from shared.contracts.topics import Topic

_HOW: Final = (
    "Facts to be taken in, CloudEvents 1.0 of at most 64 KiB. Structured: the event as the value, content-type "
    "application/cloudevents+json. Binary: the attributes as ce_ headers, the data as the value, content-type "
    "application/json. A record without these headers is read as structured. Refusals are published on the "
    "topic of rejected facts, under the place of the record."
)
_STATE: Final = State(
    region="11.01.02.2003", segment="BPU", groups=("vulnerable",), payer="apbd_regency", programmes=("JKK", "JKM"),
    registered=True, active=True, paid_through="2023-12", lapses_on=date(2024, 4, 1),
)  # fmt: skip
CHANGE: Final = Change(
    seq=0, diff=1, change_id="9b1c4e0f7a2d5836", kind=Kind.JOINED,
    effective_at=datetime(2023, 9, 30, 1, tzinfo=UTC), effective_day=date(2023, 9, 30),
    recorded_at=datetime(2023, 10, 1, 2, 30, tzinfo=UTC), source="bpjs/aceh", counterpart=None,
    before=None, after=_STATE,
)  # fmt: skip
REJECTION: Final = Rejection(
    source="bpjs/aceh", id="f-000131", code="unknown_segment", field="data.segment",
    detail="is not known; send one of 'PU', 'BPU', 'JAKON' or 'PMI'",
    topic="enrollment.facts.v1", partition=3, offset=41072,
)  # fmt: skip


def describe(broker: KafkaBroker, facts: Topic, rejected: Topic, changes: Topic) -> DefaultPublisher:
    """Describe the registry's topics; return the publisher of the rejected one. The relay writes changes by itself."""
    describe_read(broker, facts, Fact, _HOW, list(FACTS.values()))
    declare_publisher(broker, changes, Change, "What the registry decided, as signed deltas.", [CHANGE])
    return declare_publisher(broker, rejected, Rejection, "Facts of the topic that do not count, and why.", [REJECTION])
