"""Delivers messages: claims a due delivery, writes its message once, sends it, records the result."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.notifier.application.alerts import Alert, Delivery, Message
from services.notifier.application.compose import Composer
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.application.movers import add_up
from services.notifier.application.ports import Channel, DeliveryStore
from services.notifier.domain.officials import Official
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger
from shared.runtime.tasks import delay, woken

_log = logger(__name__)

_POLL_EVERY: Final = timedelta(seconds=1)
"""Polling finds every due delivery; being woken only makes it faster."""
_CHILDREN_POLL: Final = timedelta(milliseconds=50)
"""Between checks whether the snapshots of the regions below have come; an official does not notice it."""
_AFTER_FAILURE_S: Final = 1.0
"""Pause while the store is away."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Times and number of attempts.

    `children_wait`: how long a message waits at most for snapshots of the regions below. `lease`: after this time
    others take over from a killed worker; longer than any channel's timeout. The pause between attempts doubles from
    `first` to `longest`. After `tries` failed attempts a delivery is given up.
    """

    children_wait: timedelta
    lease: timedelta
    first: timedelta
    longest: timedelta
    tries: int


class Deliverer:
    """Delivers what is due. Any number of workers may run, in this and in other processes."""

    def __init__(
        self,
        store: DeliveryStore,
        composer: Composer,
        channels: Mapping[str, Channel],
        officials: Mapping[str, Official],
        holder: str,
        policy: Policy,
        clock: Clock,
        metrics: NotifierMetrics,
    ) -> None:
        self._store = store
        self._composer = composer
        self._channels = channels
        self._officials = officials
        self._holder = holder
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Have the workers poll now, because something is due."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                while await self.deliver_next():
                    pass
                await self._until_due()
            except (TransientError, PermanentError) as error:
                _log.warning("deliveries wait for the store", error=str(error))
                await asyncio.sleep(_AFTER_FAILURE_S)

    async def _until_due(self) -> None:
        next_due = await self._store.next_due()
        wait = max(timedelta(), next_due - self._clock.now()) if next_due else _POLL_EVERY
        await woken(self._wake, min(_POLL_EVERY, wait))

    async def deliver_next(self) -> bool:
        """Process one due delivery in four steps: (1) claim it, (2) write and store its message, (3) send it,
        (4) record that it was accepted. Return False if none was due.

        A crash between 1 and 3 delays it by the lease; after one between 3 and 4 the same message is sent again with
        the same id (at least once).
        """
        now = self._clock.now()
        delivery = await self._store.claim(self._holder, now, now + self._policy.lease)
        if delivery is None:
            return False
        with tracing.span("deliver", delivery.traceparent):
            await self._process(delivery)
        return True

    async def _process(self, delivery: Delivery) -> None:
        alert = await self._store.alert(delivery.alert)
        official, channel = self._officials.get(delivery.official), self._channels.get(delivery.channel)
        if alert is None or official is None or channel is None:
            gone = "alert" if alert is None else "official" if official is None else "channel"
            await self._give_up(delivery, f"the {gone} no longer exists; see officials and settings")
            return
        message = delivery.message or await self._written(delivery, alert, official)
        if message is not None:
            await self._send(delivery, alert, message, channel)

    async def _written(self, delivery: Delivery, alert: Alert, official: Official) -> Message | None:
        """Write and store the message; None if it must wait for the snapshots of the regions below.

        They come on other partitions, each at most once a second. The message waits until they add up to the alert's
        figure, but not longer than `children_wait`.
        """
        now = self._clock.now()
        children = await self._store.children(alert.snapshot.region)
        if not add_up(alert.snapshot, children) and now < delivery.created_at + self._policy.children_wait:
            await self._store.postpone(delivery, now + _CHILDREN_POLL)
            return None
        message = self._composer.compose(alert, official, children, now)
        return message if await self._store.keep_message(delivery, message) else None

    async def _send(self, delivery: Delivery, alert: Alert, message: Message, channel: Channel) -> None:
        failure: TransientError | PermanentError | None = None
        try:
            await channel.send(delivery, message)
        except (TransientError, PermanentError) as error:
            failure = error
        self._metrics.channel(delivery.channel, works=not isinstance(failure, TransientError))
        if failure is None:
            await self._record_sent(delivery, alert)
        elif isinstance(failure, PermanentError) or delivery.tries + 1 >= self._policy.tries:
            await self._give_up(delivery, str(failure))
        else:
            await self._try_later(delivery, str(failure))

    async def _record_sent(self, delivery: Delivery, alert: Alert) -> None:
        now = self._clock.now()
        if await self._store.mark_sent(delivery, now):
            self._metrics.delivered(delivery, alert, now)
            _log.info("delivered", delivery=delivery.id, alert=alert.id, channel=delivery.channel)

    async def _try_later(self, delivery: Delivery, reason: str) -> None:
        tries, policy = delivery.tries + 1, self._policy
        chance = random.random()  # noqa: S311 - spreads load, hides nothing
        wait = delay(tries, first=policy.first, longest=policy.longest, chance=chance)
        if await self._store.mark_failed(delivery, reason, self._clock.now() + wait):
            self._metrics.failed(delivery, given_up=False)
            # The reason may quote the address, so it is stored with the delivery and not logged.
            _log.warning("not delivered, will try again", delivery=delivery.id, tries=tries)

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        if await self._store.mark_failed(delivery, reason, None):
            self._metrics.failed(delivery, given_up=True)
            _log.error("delivery given up; its reason is in /v1/deliveries", delivery=delivery.id, alert=delivery.alert)
