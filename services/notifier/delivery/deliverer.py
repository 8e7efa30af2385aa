"""Delivers messages: claims what is due, composes a message once, sends it, records the result.

Each kind of channel has a lane: connections, a rate and claims of its own. So no kind waits for another, and inside a
lane an address that does not answer cannot take all connections.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from services.notifier.delivery.deliveries import Delivery
from services.notifier.delivery.metrics import DeliveryMetrics
from services.notifier.delivery.ports import Channel, DeliveryStore, Facts, FactsOf, TryLaterError
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import ChannelKind
from services.notifier.messages.message import Message, MessageFacts
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger
from shared.runtime.tasks import woken

_log = logger(__name__)

_POLL_EVERY: Final = timedelta(seconds=1)
"""Polling finds every due delivery; being woken only makes it faster."""
_AFTER_FAILURE_S: Final = 1.0
"""Pause while the store is away."""
_SPREAD: Final = 0.2
"""Each pause is up to so much longer or shorter, so that many do not return together (alerts.md, "Delivery")."""


_SHARE_CLAIMED: Final = 4
"""While more is due than can be sent, a claim waits until one in four connections is free: each costs a few
milliseconds of waiting for the store's journal, and one a message would be the slowest part."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Times. `lease`: after it others take over from a killed worker; longer than composing and sending may take.

    The pause between tries doubles from `first` to `longest`. A try that fails `give_up_after` the first try, or
    later, is the last.
    """

    first: timedelta
    longest: timedelta
    give_up_after: timedelta
    lease: timedelta = timedelta(seconds=60)

    def due_at(self, delivery: Delivery, now: datetime, least: timedelta, chance: float) -> datetime | None:
        """Return when to try again a delivery that has just failed once more; None: never.

        `least`: the pause that the receiving side asks for. `chance` in [0, 1) spreads the pause.
        """
        give_up_at = (delivery.first_try_at or now) + self.give_up_after
        if now >= give_up_at:
            return None
        # 2**32 is beyond any sensible `longest`, and more would overflow timedelta.
        full: timedelta = min(self.longest, self.first * 2 ** min(delivery.tries, 32))
        pause = full * (1 - _SPREAD + 2 * _SPREAD * chance)
        return min(now + max(pause, least), give_up_at)


@dataclass(slots=True)
class Lane:
    """How one kind of channel is used. `connections`: messages sent at the same time. `per_second`: rate, if limited.

    `per_address`: messages sent to one address at the same time; None where all addresses share one server.
    """

    kind: ChannelKind
    channel: Channel
    connections: int
    per_second: float | None = None
    per_address: int | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: Counter[str] = field(default_factory=Counter)
    _failing: set[str] = field(default_factory=set)
    _next: float = 0.0

    def without(self) -> set[str]:
        """Return the addresses to which nothing more is sent now.

        Addresses whose last try failed have at most half of the connections, the other half is for all others.
        """
        if self.per_address is None:
            return set()
        full = {address for address, sending in self._busy.items() if sending >= self.per_address}
        failing = sum(self._busy[address] for address in self._failing if address in self._busy)
        return full | self._failing if failing >= max(1, self.connections // 2) else full

    @property
    def free(self) -> int:
        """How many connections are free."""
        return self.connections - self._busy.total()

    @property
    def at_once(self) -> int:
        """How many deliveries may be claimed together: one where that decides for which address or when the next is."""
        return self.free if self.per_address is None and self.per_second is None else 1

    async def room(self, least: int) -> None:
        """Return once so many connections are free."""
        while self.free < least:
            self._freed.clear()
            await self._freed.wait()

    def pause(self, now: float) -> float:
        """Return how many seconds the rate leaves until the next message; `now` in seconds of the loop's clock."""
        return max(0.0, self._next - now)

    def begin(self, address: str, now: float) -> None:
        """Note that a message is being sent."""
        self._busy[address] += 1
        if self.per_second is not None:
            self._next = max(self._next, now) + 1 / self.per_second

    def end(self, address: str) -> None:
        """Note that it was sent, or was not."""
        self._busy[address] -= 1
        if not self._busy[address]:
            del self._busy[address]
        self._freed.set()
        if self.per_address is not None:
            self.wake.set()

    def note(self, address: str, *, works: bool) -> None:
        """Note how the last try at the address ended."""
        if works:
            self._failing.discard(address)
        else:
            self._failing.add(address)


class Deliverer:
    """Delivers what is due, beside any number of others in other processes."""

    def __init__(
        self,
        store: DeliveryStore,
        facts: Facts,
        compose: Callable[[MessageFacts], Message],
        lanes: Mapping[ChannelKind, Lane],
        holder: str,
        policy: Policy,
        clock: Clock,
        metrics: DeliveryMetrics,
    ) -> None:
        self._store = store
        self._facts = facts
        self._compose = compose
        self._lanes = lanes
        self._holder = holder
        self._policy = policy
        self._clock = clock
        self._metrics = metrics

    def wake(self) -> None:
        """Have all lanes look now, because something is due."""
        for lane in self._lanes.values():
            lane.wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for lane in self._lanes.values():
                lanes.create_task(self._serve(lane))

    async def _serve(self, lane: Lane) -> None:
        loop, least = asyncio.get_running_loop(), 1
        async with asyncio.TaskGroup() as tries:
            while True:
                await lane.room(least)
                if pause := lane.pause(loop.time()):
                    await asyncio.sleep(pause)
                most = lane.at_once
                claimed = await self._next(lane, most)
                new = [delivery for delivery in claimed if delivery.message is None]
                facts = asyncio.ensure_future(self._facts.read(new)) if new else None
                for delivery in claimed:
                    lane.begin(delivery.channel.address, loop.time())
                    tries.create_task(self._try(lane, delivery, facts))
                # More is due, and claiming some together costs no more than claiming one.
                is_full = most > 1 and len(claimed) == most
                least = max(1, lane.connections // _SHARE_CLAIMED) if is_full else 1

    async def _next(self, lane: Lane, most: int) -> list[Delivery]:
        """Claim what is due; where nothing is, wait until something may be."""
        try:
            if not (claimed := await self.claim(lane, most)):
                next_due = await self._store.next_due(lane.kind, lane.without())
                wait = max(timedelta(), next_due - self._clock.now()) if next_due else _POLL_EVERY
                await woken(lane.wake, min(_POLL_EVERY, wait))
            return claimed
        except (TransientError, PermanentError) as error:
            _log.warning("deliveries wait for the store", error=str(error))
            await asyncio.sleep(_AFTER_FAILURE_S)
            return []

    async def claim(self, lane: Lane, most: int = 1) -> list[Delivery]:
        """Claim deliveries of the lane that are due."""
        now = self._clock.now()
        return await self._store.claim(lane.kind, lane.without(), self._holder, now, now + self._policy.lease, most)

    async def _try(self, lane: Lane, delivery: Delivery, facts: Awaitable[FactsOf] | None) -> None:
        try:
            await self.deliver(lane, delivery, facts)
        except (TransientError, PermanentError) as error:
            # The claim expires, and then the delivery is tried again.
            _log.warning("a delivery waits for the store", delivery=delivery.id, error=str(error))
        finally:
            lane.end(delivery.channel.address)

    async def deliver(self, lane: Lane, delivery: Delivery, facts: Awaitable[FactsOf] | None = None) -> None:
        """Try a claimed delivery in three steps: (1) compose and store its message, (2) send it, (3) record the end.

        `facts`: those of this delivery and of others, read together.
        A crash before 2 delays it by the lease. After one between 2 and 3 the same message is sent again under the
        same id (at least once).
        """
        with tracing.span("deliver", [delivery.traceparent]):
            ready = await self._composed(delivery, facts)
            if ready is None or ready.message is None:
                return
            failure = await self._sent(lane, ready, ready.message)
            passing = isinstance(failure, TransientError)
            lane.note(delivery.channel.address, works=not passing)
            self._metrics.works(lane.kind, works=not passing)
            await self._record(ready, failure)

    async def _composed(self, delivery: Delivery, facts: Awaitable[FactsOf] | None) -> Delivery | None:
        """Return the delivery with its message; None if that cannot be made, or another worker has the claim."""
        if delivery.message is not None:
            return replace(delivery, first_try_at=delivery.first_try_at or self._clock.now())
        try:
            message = self._compose((await self._known(delivery, facts))(delivery))
        except TransientError:
            raise
        except Exception as error:  # a defect in one message must not stop the others
            _log.exception("a message cannot be composed", delivery=delivery.id)
            reason = str(error) if isinstance(error, PermanentError) else type(error).__name__
            await self._record(delivery, PermanentError(f"the message cannot be composed: {reason}"))
            return None
        now = self._clock.now()
        # A raise is the first that is told of an alert.
        answers = None if delivery.occasion is Occasion.RAISED else await self._store.first_told(delivery)
        kept = await self._store.keep_message(delivery, message, answers, now)
        return replace(delivery, message=message, answers=answers, first_try_at=now) if kept else None

    async def _known(self, delivery: Delivery, together: Awaitable[FactsOf] | None) -> FactsOf:
        """Return the facts that were read together; where they could not be, another delivery may be the reason."""
        if together is not None:
            try:
                return await together
            except TransientError:
                raise
            except Exception:
                _log.exception("facts that were read together are read alone", delivery=delivery.id)
        return await self._facts.read([delivery])

    async def _sent(self, lane: Lane, delivery: Delivery, message: Message) -> TransientError | PermanentError | None:
        try:
            await lane.channel.send(delivery, message)
        except (TransientError, PermanentError) as error:
            return error
        except Exception as error:  # as above
            _log.exception("a channel has a defect", delivery=delivery.id, channel=lane.kind)
            return PermanentError(f"the channel has a defect: {type(error).__name__}")
        return None

    async def _record(self, delivery: Delivery, failure: TransientError | PermanentError | None) -> None:
        now = self._clock.now()
        if failure is None:
            if await self._store.mark_sent(delivery, now):
                self._metrics.tried(delivery, "sent", now)
                _log.info("delivered", delivery=delivery.id, channel=delivery.channel.kind)
            return
        due_at = None
        if isinstance(failure, TransientError):
            least = failure.after if isinstance(failure, TryLaterError) else timedelta()
            chance = random.random()  # noqa: S311 - spreads load, hides nothing
            due_at = self._policy.due_at(delivery, now, least, chance)
        if not await self._store.mark_failed(delivery, str(failure), due_at):
            return
        # The reason may quote the address, so it is stored with the delivery and not logged.
        if due_at is None:
            self._metrics.tried(delivery, "dead", now)
            _log.error("delivery given up; its reason is in /v1/deliveries", delivery=delivery.id)
        else:
            self._metrics.tried(delivery, "failed", now)
            _log.warning("not delivered, will try again", delivery=delivery.id, tries=delivery.tries + 1)
