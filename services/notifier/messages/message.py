"""A message as it is handed to a channel, and the facts it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Official
from services.notifier.engine.rules import Rule
from shared.contracts.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG inside the HTML, which refers to it as `cid:{name}`. `alt` says the same in words."""

    name: str
    png: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Message:
    """What an official reads. `subject`: one line. `short`: at most 600 characters, for chat.

    `written_at`: with the zone of the official's region. `thread`: the id of the alert (of a digest: its delivery), by
    which an e-mail program keeps messages together. `is_digest`: several alerts in one message.
    """

    subject: str
    text: str
    html: str
    short: str
    pictures: tuple[Picture, ...]
    written_at: datetime
    thread: str
    is_digest: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The next escalation of an alert: when, and the names of those who then hear (roles where nobody is in office)."""

    at: datetime
    officials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What is known of an alert when a message about it is written.

    `raised_by`: the snapshot that raised it. `newest`: the region's newest. `below`: the newest snapshots of the
    regions right below. `since`: the `t` of the raise. `ended_at`: when it recovered or was closed.
    """

    id: str
    episode: int
    rule: Rule
    raised_by: Snapshot
    newest: Snapshot
    below: tuple[Snapshot, ...]
    since: datetime
    because_potential: bool
    next_step: Step | None
    acknowledge_url: str | None
    page_url: str
    ended_at: datetime | None = None
    closed_as_unknown: bool = False


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """Everything a message says: to whom, why, and of which alerts (several: a digest).

    `page_url`: the page of the smallest region that holds those of all alerts.
    """

    delivery: str
    official: Official
    channel: Literal["email", "webhook", "chat"]
    occasion: Occasion
    told_at: datetime
    alerts: tuple[AlertFacts, ...]
    page_url: str
