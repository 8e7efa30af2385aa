"""The body of a webhook, its signature, and the pause that a receiver asks for."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from email.utils import format_datetime

import pytest

from services.notifier.delivery.channels.webhook import cloud_event, retry_after, signature
from tests.fakes_deliveries import MESSAGE, TOLD_AT, delivery


def test_the_body_is_a_cloud_event() -> None:
    """Its id is the delivery's, and its data name occasion, official, alerts and the texts."""
    event = json.loads(cloud_event(delivery(channel="webhook:https://hook.id"), MESSAGE, "urn:x"))
    data = event.pop("data")
    assert event == {
        "specversion": "1.0", "id": "d-1", "source": "urn:x", "type": "cakupan.alert.raised.v1",
        "time": "2026-11-21T07:34:56.789Z", "datacontenttype": "application/json",
    }  # fmt: skip
    assert data == {
        "occasion": "raised", "official": "gubernur-11", "language": "id", "is_digest": False,
        "alerts": [{"id": "alert-1", "rule": "active-40", "region": "11"}],
        "subject": MESSAGE.subject, "text": MESSAGE.text, "short": MESSAGE.short,
    }  # fmt: skip


def test_each_key_signs_time_and_body() -> None:
    """HMAC-SHA256 of both with a dot between, in hex."""
    one = hmac.new(b"old", b"1763710496.{}", hashlib.sha256).hexdigest()
    two = hmac.new(b"new", b"1763710496.{}", hashlib.sha256).hexdigest()
    assert signature([b"old", b"new"], "1763710496", b"{}") == f"v1={one}, v1={two}"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), (None, 0), ("", 0), ("-5", 0), ("soon", 0), ("9" * 40, 0), ("999999", 86_400),
        (format_datetime(TOLD_AT + timedelta(seconds=90)), 89.211), (format_datetime(TOLD_AT - timedelta(days=1)), 0),
        ("Fri, 99 Nov 2026 00:00:00 GMT", 0), ("٣", 0),
    ],
)  # fmt: skip
def test_a_pause_is_read_from_seconds_or_a_date(value: str | None, seconds: float) -> None:
    """At most a day; nonsense asks for none."""
    assert retry_after(value, TOLD_AT) == timedelta(seconds=seconds)
