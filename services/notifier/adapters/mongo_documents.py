"""Writes and reads the documents of notifier's collections."""

from __future__ import annotations

from typing import Any

import msgspec

from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Message, Transition
from services.notifier.application.ports import SnapshotOrder
from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import Phase, Reason, RuleState
from services.notifier.domain.rules import Rule
from shared.adapters.mongo import Document
from shared.contracts.snapshots import Snapshot


def state_id(rule: str, region: str) -> str:
    """Return the key of a state; neither part contains a slash."""
    return f"{rule}/{region}"


def snapshot_document(snapshot: Snapshot, order: SnapshotOrder) -> Document:
    """Return a region's latest snapshot as it is stored."""
    return {
        "_id": snapshot.region,
        "parent": snapshot.parent,
        "position": order[0],
        "as_of": order[1],
        "body": msgspec.json.encode(snapshot),
    }


def read_snapshot(document: Document) -> Snapshot:
    """Return the snapshot that a document holds."""
    return msgspec.json.decode(document["body"], type=Snapshot)


def state_document(transition: Transition) -> Document:
    """Return the state after a transition as it is stored."""
    state = transition.state
    return {
        "rule": transition.rule,
        "region": transition.region,
        "phase": state.phase.value,
        "since": state.since,
        "episode": state.episode,
        "version": state.version,
    }


def read_state(document: Document) -> RuleState:
    """Return the state that a document holds."""
    return RuleState(Phase(document["phase"]), document["since"], document["episode"], document["version"])


def transition_document(transition: Transition) -> Document:
    """Return a transition as it is stored. Its key names the state it led to, so that it is stored once."""
    return {
        "_id": f"{state_id(transition.rule, transition.region)}/{transition.state.version}",
        **state_document(transition),
        "before": transition.before.value,
        "reason": transition.reason.value,
        "at": transition.at,
        "belongs_to": transition.episode,
        "numerator": transition.figure.numerator,
        "denominator": transition.figure.denominator,
    }


def read_transition(document: Document) -> Transition:
    """Return the transition that a document holds."""
    return Transition(
        rule=document["rule"],
        region=document["region"],
        before=Phase(document["before"]),
        state=read_state(document),
        reason=Reason(document["reason"]),
        at=document["at"],
        figure=Figure(document["numerator"], document["denominator"]),
    )


def alert_document(alert: Alert) -> Document:
    """Return an alert as it is stored, without its key."""
    return {
        "region": alert.snapshot.region,
        "episode": alert.episode,
        "raised_at": alert.raised_at,
        "state": alert.state.value,
        "cleared_at": alert.cleared_at,
        "rule": msgspec.json.encode(alert.rule),
        "snapshot": msgspec.json.encode(alert.snapshot),
    }


def read_alert(document: Document) -> Alert:
    """Return the alert that a document holds."""
    return Alert(
        rule=msgspec.json.decode(document["rule"], type=Rule),
        snapshot=msgspec.json.decode(document["snapshot"], type=Snapshot),
        episode=document["episode"],
        raised_at=document["raised_at"],
        state=AlertState(document["state"]),
        cleared_at=document["cleared_at"],
    )


_NOT_STORED = ("id", "message")


def delivery_document(delivery: Delivery) -> Document:
    """Return a new, unclaimed delivery as it is stored, without its key."""
    fields: dict[str, Any] = {name: getattr(delivery, name) for name in delivery.__slots__ if name not in _NOT_STORED}
    return {**fields, "state": delivery.state.value, "message": None, "claimed_by": None}


def message_document(message: Message) -> Document:
    """Return a message as it is stored."""
    return {name: getattr(message, name) for name in message.__slots__}


def read_delivery(document: Document) -> Delivery:
    """Return the delivery that a document holds."""
    fields = {name: document[name] for name in Delivery.__slots__ if name not in _NOT_STORED}
    message = Message(**document["message"]) if document["message"] else None
    return Delivery(id=document["_id"], **fields | {"state": DeliveryState(document["state"])}, message=message)
