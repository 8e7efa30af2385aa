"""What decisions carry beside their line: ids that follow from what they name, and the snapshot of a raise."""

from __future__ import annotations

from uuid import UUID, uuid5

from services.notifier.engine.decisions import Message, Move
from services.notifier.engine.ids import alert_id, delivery_id
from services.notifier.engine.states import MoveReason
from services.notifier.trial.trace import trace
from tests.alerts_trace import official, read_all, rule, snap

SPACE = UUID("8b7a1f52-6f0e-4f3b-9d2c-6a4f4d1c0e11")


def test_the_ids_are_those_of_the_page() -> None:
    """UUIDv5 of `rule/region/episode`, and of the delivery's parts with its alerts sorted and joined by commas."""
    assert alert_id("low", "11", 2) == str(uuid5(SPACE, "low/11/2"))
    made = delivery_id("g", "email:g@x", "raised", "2026-03-03T10:00:00.000Z", ["b", "a"])
    assert made == str(uuid5(SPACE, "g/email:g@x/raised/2026-03-03T10:00:00.000Z/a,b"))


def test_a_raise_keeps_the_snapshot_that_raised_it() -> None:
    """Other moves keep none; a message has no snapshot of its own."""
    decisions = list(trace(*read_all([rule()], [official("g")], [snap(0, 19), snap(10, 50)])))
    raised, recovered = (each for each in decisions if isinstance(each, Move))
    assert (raised.reason, recovered.reason) == (MoveReason.RAISED, MoveReason.RECOVERED)
    assert raised.raised_by is not None
    assert raised.raised_by.active == 19
    assert recovered.raised_by is None
    assert len([each for each in decisions if isinstance(each, Message)]) == 2
