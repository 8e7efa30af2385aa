"""Deliveries: made from what the engine decided, and the same after a way through a document."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from services.notifier.delivery.deliveries import DeliveryState, delivery_document, new_delivery, read_delivery
from services.notifier.engine import decisions
from services.notifier.engine.decisions import AlertKey, Occasion
from services.notifier.engine.directory import Channel, Official, QuietHours, Role
from services.notifier.messages.message import Message, Picture
from shared.regions.codes import WITA

OFFICIAL = Official(
    "bupati-63.10", "Bupati Tanah Bumbu", Role.BUPATI, "63.10",
    (Channel("email", "bupati@example.id"), Channel("webhook", "https://hook.example.id/a:b")),
    "en", QuietHours(75_600_000, 21_600_000), date(2025, 2, 20), deputy="wabup-63.10",
)  # fmt: skip
TOLD = decisions.Message(
    1_772_532_000_123, OFFICIAL.id, "webhook:https://hook.example.id/a:b", Occasion.RAISED,
    (AlertKey("active-40", "63.10", 2), AlertKey("active-40", "63.10.03", 1, True)), "0b1c",
)  # fmt: skip
MESSAGE = Message(
    "subject", "text −", "<p>", "short", (Picture("chart", b"\x89PNG\xff", "a line"),),
    datetime(2026, 3, 3, 18, 0, 1, 5000, WITA), TOLD.alerts[0].id, is_digest=True,
)  # fmt: skip


def test_a_new_delivery_says_what_the_engine_decided() -> None:
    """Id, official, channel, occasion, instant, alerts and regions; it waits and is due at once."""
    made = new_delivery(TOLD, OFFICIAL)
    assert (made.id, made.official, made.occasion) == ("0b1c", OFFICIAL, Occasion.RAISED)
    assert made.channel == Channel("webhook", "https://hook.example.id/a:b")
    assert made.told_at == made.due_at == datetime(2026, 3, 3, 10, 0, 0, 123_000, UTC)
    assert made.alerts == tuple(alert.id for alert in TOLD.alerts)
    assert made.rules == ("active-40", "active-40")
    assert made.regions == ("63.10", "63.10.03")
    assert (made.state, made.tries, made.message) == (DeliveryState.WAITING, 0, None)


@pytest.mark.parametrize("composed", [False, True])
def test_a_delivery_is_the_same_after_a_way_through_its_document(composed: bool) -> None:
    """With all of the official; the message's time has the zone of the official's region again."""
    made = new_delivery(TOLD, OFFICIAL, traceparent="00-trace")
    if composed:
        tried = made.told_at + timedelta(seconds=1)
        made = replace(made, message=MESSAGE, tries=2, first_try_at=tried, reason="451", claims=3)
    stored: dict[str, Any] = bson.decode(bson.encode(delivery_document(made)), CodecOptions(tz_aware=True))
    assert stored["_id"] == made.id
    assert stored["channel"]["kind"] == "webhook"
    found = read_delivery(stored)
    assert found == made
    if found.message is not None:
        assert found.message.written_at.isoformat() == "2026-03-03T18:00:01.005000+08:00"
