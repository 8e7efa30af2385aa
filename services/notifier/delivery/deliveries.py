"""One message to one official through one channel, and its document in MongoDB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from services.notifier.engine import decisions
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Channel, Official
from services.notifier.messages.message import Message
from shared.regions.codes import zone_of

Document = dict[str, Any]


class DeliveryState(StrEnum):
    """Where a delivery stands: it waits for a try, the receiving side has accepted it, or it was given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one official through one channel. `official`: as the directory had them when they were told.

    `alerts`: ids; `rules` and `regions`: of each the rule and the region. `due_at`: the next try; while a worker holds
    a claim, others may take over then. `claims` grows with every claim, and the store refuses writes under an older
    number. `tries`: failed ones since `first_try_at`. `message`: composed at the first try; every later try sends the
    same. `answers`: the first delivery about the alert to this address, if this one is later. `traceparent`: of the
    snapshot that led to it, where one is known.
    """

    id: str
    official: Official
    channel: Channel
    occasion: Occasion
    told_at: datetime
    alerts: tuple[str, ...]
    rules: tuple[str, ...]
    regions: tuple[str, ...]
    due_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    claims: int = 0
    tries: int = 0
    first_try_at: datetime | None = None
    sent_at: datetime | None = None
    reason: str | None = None
    message: Message | None = None
    answers: str | None = None
    traceparent: str = ""


def new_delivery(told: decisions.Message, official: Official, traceparent: str = "") -> Delivery:
    """Return the delivery of a message that the engine decided; it is due at once."""
    kind, _, address = told.channel.partition(":")
    channel = msgspec.convert({"kind": kind, "address": address}, Channel)
    told_at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=told.at)
    return Delivery(
        told.id, official, channel, told.occasion, told_at,
        tuple(alert.id for alert in told.alerts), tuple(alert.rule for alert in told.alerts),
        tuple(alert.region for alert in told.alerts), told_at, traceparent=traceparent,
    )  # fmt: skip


def delivery_document(delivery: Delivery) -> Document:
    """Return the delivery, which nobody has claimed, as it is stored."""
    fields = document_of(delivery)
    return {"_id": fields.pop("id"), **fields, "claimed_by": None}


def read_delivery(document: Document) -> Delivery:
    """Return the delivery of a document."""
    delivery = msgspec.convert({"id": document["_id"], **document}, Delivery)
    if delivery.message is None:
        return delivery
    # MongoDB keeps instants without their zone.
    written_at = delivery.message.written_at.astimezone(zone_of(delivery.official.region))
    return replace(delivery, message=replace(delivery.message, written_at=written_at))


def document_of(value: object) -> Document:
    """Return the fields of a dataclass; MongoDB stores instants and bytes as they are."""
    fields: Document = msgspec.to_builtins(value, builtin_types=(datetime, bytes))
    return fields
