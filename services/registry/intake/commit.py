"""The one way in for facts, whatever the entrance: they gather into a group commit, and are answered after it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from time import perf_counter
from typing import Final

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.domain.facts import CORRECTED, Correction, FactKey, Link, Placed, replaced, standing
from services.registry.domain.outcomes import Outcome, Result
from services.registry.domain.people import regroup
from services.registry.identity.hashing import Secrets
from services.registry.identity.identities import Identities, Known
from services.registry.identity.identity import Identity
from services.registry.intake.deciding import decided
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import CORRECTION_OF_CORRECTION, Candidate, Said
from services.registry.intake.ports import KnownFact, Slot, Store, Transaction
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

GROUP_AT_MOST: Final = 1000
"""A transaction of this many takes some 40 ms; larger ones only make the first of them wait longer."""
GROUPS_IN_FLIGHT: Final = 2
"""While MongoDB writes one, we decide the next; a third would only wait."""
BESIDE_ANOTHER: Final = 200
"""So many must wait for a second group to be worth its transaction: two small ones cost more than one of both."""
WAITING_AT_MOST: Final = 10_000
"""Some half a second of work; beyond it the sender is told to come back, and memory stays flat."""
GATHER_FOR: Final = timedelta(milliseconds=5)
"""How long the first fact of a group waits for company; a commit alone takes several times as long."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A fact on its way into a group."""

    candidate: Candidate
    answer: asyncio.Future[Outcome]
    traceparent: str | None


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
        self._moved = asyncio.Event()
        self._turns = asyncio.Semaphore(GROUPS_IN_FLIGHT)
        self._in_flight: set[FactKey | Identity] = set()

    def put(self, candidate: Candidate, traceparent: str | None = None) -> asyncio.Future[Outcome]:
        """Return what will be the fact's outcome, once that is durable; `traceparent` is the sender's, if it sent one.

        Raises, here or in the future: TransientError when too many wait or the store did not take the group; the fact
        may be sent again. PermanentError when an operator must act.
        """
        if len(self._queue) >= WAITING_AT_MOST:
            raise TransientError("too many facts are waiting to be stored")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(candidate, answer, traceparent))
        self._moved.set()
        return answer

    async def run(self) -> None:
        """Commit group after group until cancelled; then those still waiting are told to send again.

        While the store writes one group, the next is gathered and, if it is large, decided.
        """
        try:
            async with asyncio.TaskGroup() as commits:
                while True:
                    group = await self._gather()
                    commits.create_task(self._commit(group))
        finally:
            _fail(self._queue, TransientError("the registry is stopping"))
            self._queue.clear()

    async def _gather(self) -> list[_Waiting]:
        """Return the next group, in order of arrival, once it may be committed beside those in flight.

        It ends before a fact that touches what a group in flight touches: two facts about one person are decided in
        the order in which they came, and transactions of this process do not run into each other.
        """
        await self._turns.acquire()
        while not self._may_begin():
            self._moved.clear()
            await self._moved.wait()
        if len(self._queue) < GROUP_AT_MOST:
            await asyncio.sleep(GATHER_FOR.total_seconds())
        group: list[_Waiting] = []
        while len(group) < GROUP_AT_MOST and self._may_go():
            group.append(self._queue.popleft())
        self._in_flight.update(touched for waiting in group for touched in _touched(waiting.candidate))
        return group

    def _may_begin(self) -> bool:
        """Say whether a group may begin: a small one waits for the one in flight, and grows meanwhile."""
        return self._may_go() and (not self._in_flight or len(self._queue) >= BESIDE_ANOTHER)

    def _may_go(self) -> bool:
        return bool(self._queue) and self._in_flight.isdisjoint(_touched(self._queue[0].candidate))

    async def _commit(self, group: list[_Waiting]) -> None:
        """Decide a group and answer it; a group that fails is answered with the error, and may be sent again."""
        try:
            await self._decide(group)
        except (TransientError, PermanentError) as error:
            _log.warning("group not committed", size=len(group), error=str(error))
            _fail(group, error)
        except asyncio.CancelledError:
            _fail(group, TransientError("the registry is stopping"))
            raise
        except Exception as error:
            # A defect in deciding one group must not end the loop that all facts come through.
            _log.exception("group not committed: a defect of ours", size=len(group), error=type(error).__name__)
            _fail(group, PermanentError(f"a defect of ours ({type(error).__name__})"))
        finally:
            self._in_flight.difference_update(touched for waiting in group for touched in _touched(waiting.candidate))
            self._turns.release()
            self._moved.set()

    async def _decide(self, group: list[_Waiting]) -> None:
        """Decide a group and answer it.

        1. In one transaction: read, decide, write participants, ledger and what recognises the facts again.
        2. Wake the relay. 3. Answer.
        A crash before the commit leaves nothing, and nobody was answered. A crash after it leaves all of it; who was
        not answered sends again and hears "duplicate".
        """
        started = perf_counter()
        outcomes = await self.decide_together([waiting.candidate for waiting in group], group[0].traceparent)
        self._metrics.committed(len(group), perf_counter() - started)
        self._on_commit()
        for waiting, outcome in zip(group, outcomes, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(outcome)

    async def decide_together(self, candidates: Sequence[Candidate], trace: str | None = None) -> list[Outcome]:
        """Return the outcomes in order, once all that was accepted among the candidates is durable.

        The group goes on in `trace`, its first fact's: that one's id is then found in every later log line.
        """
        with tracing.span("group commit", trace) as traceparent:
            return await self._store.transact(self._work(candidates, traceparent))

    def _work(
        self, candidates: Sequence[Candidate], traceparent: str
    ) -> Callable[[Transaction], Awaitable[list[Outcome]]]:
        async def work(transaction: Transaction) -> list[Outcome]:
            keys = {key for candidate in candidates for key in _keys(candidate)}
            named = {who for candidate in candidates for who in candidate.identities}
            identities = await self._identities.find(transaction, named)
            group = _Group(await transaction.slots(keys), identities)
            outcomes = [group.judge(candidate) for candidate in candidates]
            if group.slots:
                # Whoever comes with this group has no participant yet.
                known = group.holders - set(group.introduced.values())
                found = await transaction.participants(known) if known else []
                regrouped = regroup(found, group.placed.keys(), filter(None, group.placed.values()))
                write = decided(regrouped, now=self._clock.now(), secret=self._change, traceparent=traceparent)
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


def _touched(candidate: Candidate) -> Iterator[FactKey | Identity]:
    """Yield what must not be decided in two groups at once."""
    yield from _keys(candidate)
    yield from candidate.identities


def _keys(candidate: Candidate) -> Iterator[FactKey]:
    """Yield the fact's own (source, id), and that of the fact it corrects."""
    if candidate.key:
        yield candidate.key
    if isinstance(candidate.fact, Correction):
        yield candidate.fact.target


class _Group:
    """The facts of one commit, judged one after another: the second of two alike is a duplicate of the first."""

    def __init__(self, slots: dict[FactKey, Slot], identities: Known) -> None:
        self._known = slots
        self._identities = identities
        self._holders = dict(identities.holders)
        self.slots: dict[FactKey, Slot] = {}
        self.introduced: dict[Identity, str] = {}
        self.placed: dict[FactKey, Placed | None] = {}
        self.holders: set[str] = set()

    @property
    def new_slots(self) -> Collection[FactKey]:
        """The keys that had nothing before this group."""
        return self.slots.keys() - self._known.keys()

    def judge(self, candidate: Candidate) -> Outcome:
        """Return the outcome; duplicate and conflict come before any refusal."""
        known = self._slot(candidate.key).fact if candidate.key else None
        if known is not None:
            same = self._identities.digest(candidate.digest, known.layer) == known.digest
            return _DUPLICATE if same else _CONFLICT
        refusal = candidate.refusal or self._refusal(candidate)
        if refusal is not None:
            return Outcome(Result.REFUSED, refusal)
        self._accept(candidate)
        return _ACCEPTED

    def _slot(self, key: FactKey) -> Slot:
        return self.slots.get(key) or self._known.get(key) or _EMPTY

    def _refusal(self, candidate: Candidate) -> Refusal | None:
        """Return the refusal that only earlier facts can tell."""
        said = candidate.said
        unlinked = {who for who in candidate.identities if who.scheme == "kpj" and who not in self._holders}
        brings = said.replacement if isinstance(said, Correction) else said
        if len(unlinked) > isinstance(brings, Link):
            return _UNKNOWN_CARD
        if isinstance(said, Correction):
            target = self._slot(said.target).fact
            if target is not None and target.type == CORRECTED:
                return CORRECTION_OF_CORRECTION
        return None

    def _accept(self, candidate: Candidate) -> None:
        assert candidate.key is not None
        said = _with_holders(candidate.said, [self._holder(who) for who in candidate.identities])
        known = KnownFact(
            self._identities.digest(candidate.digest),
            candidate.type,
            said.effective_at,
            layer=self._identities.layers.newest,
        )
        slot = self._slot(candidate.key)
        if isinstance(said, Correction):
            self.slots[candidate.key] = Slot(known, slot.corrections)
            target = self._slot(said.target)
            self._settle(said.target, target.fact, (*target.corrections, said), None)
        else:
            self._settle(candidate.key, known, slot.corrections, said)

    def _holder(self, identity: Identity) -> str:
        """Return the holder of an identity, introducing it where it is new."""
        if identity not in self._holders:
            self._holders[identity] = self.introduced[identity] = token_hex(16)
        return self._holders[identity]

    def _settle(
        self, key: FactKey, known: KnownFact | None, corrections: tuple[Correction, ...], original: Placed | None
    ) -> None:
        """Put in the fact's place what stands there now; a correction waits for its fact, and may have no effect."""
        correction = standing(known.type, corrections) if known and corrections else None
        if known is not None and (correction or original):
            placed = replaced(correction, known.effective_at) if correction else original
            holders = _ends(placed)
            self.holders.update(known.holders, holders)
            self.placed[key] = placed
            known = known.naming(holders)
        self.slots[key] = Slot(known, corrections)


_EMPTY: Final = Slot()
_ACCEPTED: Final = Outcome(Result.ACCEPTED)
_DUPLICATE: Final = Outcome(Result.DUPLICATE)
_CONFLICT: Final = Outcome(Result.CONFLICT)


def _with_holders(said: Said, holders: Sequence[str]) -> Said:
    """Return what was said with the holders of its identities in."""
    if isinstance(said, Correction):
        return said if said.replacement is None else replace(said, replacement=said.replacement.held_by(*holders))
    return said.held_by(*holders)


def _ends(placed: Placed | None) -> tuple[str, ...]:
    if placed is None:
        return ()
    return (placed.holder, placed.other) if isinstance(placed, Link) else (placed.holder,)


_UNKNOWN_CARD: Final = Refusal(
    RefusalCode.UNKNOWN_CARD, "data.identity", "this card is not linked to a person yet; send a fact by nik or passport"
)


def _fail(group: Iterable[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
