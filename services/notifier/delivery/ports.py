"""What delivering needs from outside: a store of deliveries, facts to write messages from, channels to officials."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from services.notifier.delivery.deliveries import Delivery
from services.notifier.engine.directory import ChannelKind
from services.notifier.messages.message import Message, MessageFacts
from shared.runtime.errors import TransientError


class TryLaterError(TransientError):
    """The receiving side asks for a pause of at least `after`."""

    def __init__(self, text: str, after: timedelta) -> None:
        super().__init__(text)
        self.after = after


class Channel(Protocol):
    """A way to reach officials."""

    async def send(self, delivery: Delivery, message: Message) -> None:
        """Return once the receiving side has accepted the message.

        Raises: TransientError where it may accept it later; PermanentError where it never will.
        """
        ...


FactsOf = Callable[[Delivery], MessageFacts]
"""Gives the facts of one delivery. Raises: PermanentError where an alert is not known."""


class Facts(Protocol):
    """What is known of the alerts of deliveries."""

    async def read(self, deliveries: Sequence[Delivery]) -> FactsOf:
        """Read what is known now for the messages of these, and return what gives the facts of each."""
        ...


class DeliveryStore(Protocol):
    """Deliveries. A write under an old claim changes nothing and returns False."""

    async def claim(
        self, kind: ChannelKind, without: Collection[str], holder: str, now: datetime, until: datetime, most: int
    ) -> list[Delivery]:
        """Claim those deliveries of the kind that have been due longest, to none of the addresses `without`.

        Others leave them alone until `until`. At most `most`; none if none is due.
        """
        ...

    async def next_due(self, kind: ChannelKind, without: Collection[str]) -> datetime | None:
        """Return when the next waiting delivery of the kind, to none of the addresses `without`, is due."""
        ...

    async def release(self, holder: str, now: datetime) -> None:
        """Make all deliveries that this holder has claimed due now. A holder calls it when it starts."""
        ...

    async def first_told(self, delivery: Delivery) -> str | None:
        """Return the id of the earliest other delivery about the same first alert to the same address, if one was."""
        ...

    async def keep_message(self, delivery: Delivery, message: Message, answers: str | None, now: datetime) -> bool:
        """Store the message for this first try, made now, and all later ones."""
        ...

    async def mark_sent(self, delivery: Delivery, now: datetime) -> bool:
        """Record that the receiving side has the message."""
        ...

    async def mark_failed(self, delivery: Delivery, reason: str, due_at: datetime | None) -> bool:
        """Record a failed try and when the next is due; None: the delivery is dead."""
        ...
