"""Completes the AsyncAPI document of the registry's topics: shapes, keys and an example of each record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
from faststream.kafka import KafkaBroker
from pydantic import TypeAdapter

from shared.contracts import facts as contract
from shared.contracts.changes import Change, Kind, State
from shared.contracts.examples import FACTS
from shared.contracts.rejections import Rejection
from shared.contracts.topics import Topic

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_HOW: Final = (
    "Facts to be taken in, CloudEvents 1.0 of at most 64 KiB. Structured: the event as the value, content-type "
    "application/cloudevents+json. Binary: the attributes as ce_ headers, the data as the value, content-type "
    "application/json. A record without these headers is read as structured. What is refused is reported on the "
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
    detail="PNS is not known; send one of 'PU', 'BPU', 'JAKON' or 'PMI'",
    topic="enrollment.facts.v1", partition=3, offset=41072,
)  # fmt: skip


def declare(broker: KafkaBroker, rejected: Topic, changes: Topic) -> None:
    """Name the topics that are written in the document; the reader names the topic that is read."""
    for topic, shape, what in (
        (rejected, Rejection, "Facts of the topic that do not count, and why"),
        (changes, Change, "What the registry decided, as signed deltas"),
    ):
        broker.publisher(topic.name, schema=shape, title=topic.name, description=what)


def completion(facts: Topic, rejected: Topic, changes: Topic) -> Callable[[Json], None]:
    """Return a function that completes the document with these topics."""

    def complete(document: Json) -> None:
        document["components"]["schemas"] |= TypeAdapter(contract.Fact).json_schema(ref_template=_REF)["$defs"]
        _describe_facts(document, facts)
        for topic, example in ((rejected, REJECTION), (changes, CHANGE)):
            (message,) = _messages(document, topic)
            message |= _message(topic, [msgspec.to_builtins(example)])

    return complete


def _describe_facts(document: Json, topic: Topic) -> None:
    """Put a message for each type of fact in the place of the one of unknown shape."""
    name, channel = _channel(document, topic)
    for old in channel["messages"]:
        payload = document["components"]["messages"].pop(f"{name}:{old}")["payload"]
        del document["components"]["schemas"][payload["$ref"].rpartition("/")[2]]
    models = {example["type"]: contract.TYPES[example["type"]].__name__ for example in FACTS.values()}
    for example in FACTS.values():
        model = models[example["type"]]
        document["components"]["messages"][model] = {
            "name": example["type"],
            "contentType": "application/cloudevents+json",
            "payload": {"$ref": _REF.format(model=model)},
            **_message(topic, [example]),
        }
    channel["description"] = _HOW
    channel["messages"] = {model: {"$ref": f"#/components/messages/{model}"} for model in models.values()}
    document["operations"][name]["messages"] = [
        {"$ref": f"#/channels/{name}/messages/{model}"} for model in models.values()
    ]


def _messages(document: Json, topic: Topic) -> list[Json]:
    name, channel = _channel(document, topic)
    return [document["components"]["messages"][f"{name}:{message}"] for message in channel["messages"]]


def _channel(document: Json, topic: Topic) -> tuple[str, Json]:
    return next((name, found) for name, found in document["channels"].items() if found["address"] == topic.name)


def _message(topic: Topic, examples: Sequence[Mapping[str, Any]]) -> Json:
    key = {"type": "string", "description": f"{topic.key}; never an identity"}
    return {"bindings": {"kafka": {"key": key}}, "examples": [{"payload": example} for example in examples]}
