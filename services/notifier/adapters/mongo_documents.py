"""Writes and reads the documents of notifier's collections."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.notifier.application.alerts import Alert, AlertState, Delivery, Transition
from services.notifier.application.ports import SnapshotOrder
from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import RuleState
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
    return {"rule": transition.rule, "region": transition.region, **fields_of(transition.state)}


def read_state(document: Document) -> RuleState:
    """Return the state that a document holds."""
    return msgspec.convert(document, RuleState)


def transition_document(transition: Transition) -> Document:
    """Return a transition as it is stored. Its key names the state it led to, so that it is stored once."""
    return {
        "_id": f"{state_id(transition.rule, transition.region)}/{transition.state.version}",
        **state_document(transition),
        "before": transition.before.value,
        "reason": transition.reason.value,
        "at": transition.at,
        "belongs_to": transition.episode,
        **fields_of(transition.figure),
    }


def read_transition(document: Document) -> Transition:
    """Return the transition that a document holds."""
    parts = {"state": read_state(document), "figure": msgspec.convert(document, Figure)}
    return msgspec.convert({**document, **parts}, Transition)


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


def delivery_document(delivery: Delivery) -> Document:
    """Return a new, unclaimed delivery as it is stored, without its key."""
    return {name: value for name, value in fields_of(delivery).items() if name != "id"} | {"claimed_by": None}


def read_delivery(document: Document) -> Delivery:
    """Return the delivery that a document holds."""
    return msgspec.convert({"id": document["_id"], **document}, Delivery)


def fields_of(value: object) -> Document:
    """Return the fields of a dataclass; MongoDB stores times as they are."""
    fields: Document = msgspec.to_builtins(value, builtin_types=(datetime,))
    return fields
