"""The one way in for facts, whatever the door: they gather into a group commit and are answered after it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any, Final

from services.registry.domain.facts import FactKey
from services.registry.domain.outcomes import Outcome
from services.registry.domain.people import regroup
from services.registry.identity.hashing import Secrets
from services.registry.identity.identities import Identities
from services.registry.identity.identity import Identity
from services.registry.intake.deciding import decided
from services.registry.intake.judging import Judge, keys_of
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import Candidate
from services.registry.intake.ports import Store, Transaction
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger
from shared.runtime.tasks import in_turns
from shared.values import value

_log = logger(__name__)

GROUP_AT_MOST: Final = 1000
"""A transaction of this many takes some 40 ms. Larger ones only make the first of them wait longer."""
GROUPS_IN_FLIGHT: Final = 3
"""While MongoDB writes two, we decide the next. With two, we waited where both were there at the same time."""
BESIDE_ANOTHER: Final = 200
"""So many must wait for a second group to be worth its transaction: two small ones cost more than one of both."""
WAITING_AT_MOST: Final = 10_000
"""Some half a second of work. When more would wait, the sender is asked to come back, and memory stays flat."""
GATHER_FOR: Final = timedelta(milliseconds=5)
"""How long the first fact of a group waits for others. A commit alone takes several times as long."""


@value(frozen=True, slots=True)
class _Waiting:
    """A fact that waits for a group. `answer` is called once, with its outcome or with the error of its group."""

    candidate: Candidate
    answer: Callable[[Outcome | Exception], None]
    traceparent: str | None


class _Together:
    """The outcomes of facts that were put together. One future for all takes a third of the time of one each."""

    def __init__(self, count: int) -> None:
        self.done: asyncio.Future[list[Outcome | Exception]] = asyncio.get_running_loop().create_future()
        self._outcomes: list[Any] = [None] * count
        self._left = count
        self._finish()

    def answer(self, at: int, outcome: Outcome | Exception) -> None:
        """Note the outcome of one fact."""
        self._outcomes[at] = outcome
        self._left -= 1
        self._finish()

    def _finish(self) -> None:
        if not self._left and not self.done.done():
            self.done.set_result(self._outcomes)


class Intake:
    """Gathers candidates and decides them together, in one transaction each group."""

    def __init__(
        self, store: Store, secrets: Secrets, clock: Clock, metrics: IntakeMetrics,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._identities = Identities(secrets)
        self._change = secrets.change
        self._clock = clock
        self._metrics = metrics
        self._on_commit = on_commit
        self._queue: deque[_Waiting] = deque()
        self._changed = asyncio.Event()
        self._free_groups = asyncio.Semaphore(GROUPS_IN_FLIGHT)
        self._in_flight: set[FactKey | Identity] = set()

    def put(self, candidate: Candidate, traceparent: str | None = None) -> asyncio.Future[Outcome]:
        """Return the fact's outcome as a future, which is done once the outcome is durable.

        `traceparent` is the sender's, if there is one. Raises, at once or in the future: TransientError when too many
        facts wait or the store did not take the group; the fact may be sent again. PermanentError when an operator
        must act.
        """
        if len(self._queue) >= WAITING_AT_MOST:
            raise _full()
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(candidate, partial(_answer, answer), traceparent))
        self._changed.set()
        return answer

    def put_all(
        self, candidates: Sequence[Candidate], traceparent: str | None = None
    ) -> asyncio.Future[list[Outcome | Exception]]:
        """Return the outcomes in order as a future, which is done once all are durable; see `put` for the errors."""
        together = _Together(len(candidates))
        for at, candidate in enumerate(candidates):
            if len(self._queue) < WAITING_AT_MOST:
                self._queue.append(_Waiting(candidate, partial(together.answer, at), traceparent))
            else:
                together.answer(at, _full())
        self._changed.set()
        return together.done

    async def run(self) -> None:
        """Commit group after group until cancelled; the facts that still wait then are answered with an error.

        While the store writes one group, the next is gathered and, if it is large, decided.
        """
        try:
            async with asyncio.TaskGroup() as commits:
                while True:
                    group, touched = await self._gather()
                    commits.create_task(self._commit(group, touched))
        finally:
            _fail(self._queue, TransientError("the registry is stopping"))
            self._queue.clear()

    async def _gather(self) -> tuple[list[_Waiting], set[FactKey | Identity]]:
        """Return the next group, in order of arrival, once it may be committed beside those in flight; and what it
        touches.

        It ends before a fact that touches what a group in flight touches. So two facts about one person are decided in
        the order in which they came, and transactions of this process do not conflict with each other.
        """
        await self._free_groups.acquire()
        while not self._may_begin():
            self._changed.clear()
            await self._changed.wait()
        if len(self._queue) < GROUP_AT_MOST:
            await asyncio.sleep(GATHER_FOR.total_seconds())
        group, touched = list[_Waiting](), set[FactKey | Identity]()
        while len(group) < GROUP_AT_MOST and self._queue:
            names = _touched(self._queue[0].candidate)
            if not self._in_flight.isdisjoint(names):
                break
            group.append(self._queue.popleft())
            touched.update(names)
        self._in_flight |= touched
        return group, touched

    def _may_begin(self) -> bool:
        """Say whether a group may begin. A small one waits for the one in flight, and grows meanwhile."""
        return self._next_is_free() and (not self._in_flight or len(self._queue) >= BESIDE_ANOTHER)

    def _next_is_free(self) -> bool:
        return bool(self._queue) and self._in_flight.isdisjoint(_touched(self._queue[0].candidate))

    async def _commit(self, group: list[_Waiting], touched: set[FactKey | Identity]) -> None:
        """Decide a group and answer it. If that fails, answer with the error: the facts may be sent again."""
        try:
            await self._decide(group)
        except (TransientError, PermanentError) as error:
            _log.warning("group not committed", size=len(group), error=str(error))
            _fail(group, error)
        except asyncio.CancelledError:
            _fail(group, TransientError("the registry is stopping"))
            raise
        except Exception as error:
            # A defect in deciding one group must not end the loop that commits all facts.
            _log.exception("group not committed: a defect of ours", size=len(group), error=type(error).__name__)
            _fail(group, PermanentError(f"a defect of ours ({type(error).__name__})"))
        finally:
            self._in_flight -= touched
            self._free_groups.release()
            self._changed.set()

    async def _decide(self, group: list[_Waiting]) -> None:
        """Decide a group and answer it.

        1. In one transaction: read, decide, write participants, ledger and the slots that recognise the facts again.
        2. Wake the relay. 3. Answer.
        A crash before the commit leaves nothing, and nobody was answered. A crash after it leaves everything; a sender
        who was not answered sends again and gets "duplicate".
        """
        started = perf_counter()
        traces = (waiting.traceparent for waiting in group)
        outcomes = await self.decide_together([waiting.candidate for waiting in group], traces)
        self._metrics.committed(len(group), perf_counter() - started)
        self._on_commit()
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.answer(outcome)

    async def decide_together(
        self, candidates: Sequence[Candidate], traces: Iterable[str | None] = ()
    ) -> list[Outcome]:
        """Return the outcomes in order, once all accepted candidates are durable.

        The group continues one of the `traces` of its facts, whose id is then in every later log line.
        """
        with tracing.span("group commit", traces) as traceparent:
            return await self._store.transact(self._work(candidates, traceparent))

    def _work(
        self, candidates: Sequence[Candidate], traceparent: str
    ) -> Callable[[Transaction], Awaitable[list[Outcome]]]:
        async def work(transaction: Transaction) -> list[Outcome]:
            keys = {key for candidate in candidates for key in keys_of(candidate)}
            named = {who for candidate in candidates for who in candidate.identities}
            identities = await self._identities.find(transaction, named)
            group = Judge(await transaction.slots(keys), identities)
            outcomes = [group.judge(candidate) async for candidate in in_turns(candidates)]
            if group.slots:
                # An identity that is new in this group has no participant yet.
                known = group.holders - set(group.introduced.values())
                found = await transaction.participants(known) if known else []
                regrouped = regroup(found, group.current.keys(), filter(None, group.current.values()))
                # A thousand persons take some 30 ms, in which nobody else would be served.
                write = await asyncio.to_thread(
                    decided, regrouped, now=self._clock.now(), secret=self._change, traceparent=traceparent
                )
                await transaction.write(
                    replace(
                        write,
                        slots=group.slots,
                        new_slots=group.new_slots,
                        identities=identities.rows(group.introduced),
                    )
                )
            return outcomes

        return work


def _touched(candidate: Candidate) -> tuple[FactKey | Identity, ...]:
    """Return the keys and identities that must not be in two groups at once."""
    return *keys_of(candidate), *candidate.identities


def _answer(future: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    """Answer whoever still waits."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _fail(group: Iterable[_Waiting], error: Exception) -> None:
    for waiting in group:
        waiting.answer(error)


def _full() -> TransientError:
    return TransientError("too many facts are waiting to be stored")
