"""One replica evaluates: it reads all partitions, lets the engine decide in the order of time, and writes. ADR 0031."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.notifier.engine.events import RegionRetired
from services.notifier.engine.instants import to_ms
from services.notifier.files.entries import IsRegion
from services.notifier.live.batch import Batch, Batcher
from services.notifier.live.given import Given, Retired
from services.notifier.live.inputs import Inputs
from services.notifier.live.kafka import SnapshotTopic
from services.notifier.live.metrics import LiveMetrics
from services.notifier.live.mongo import Loaded, WorldStore
from services.notifier.live.rules_file import WatchedRules
from services.notifier.live.timeline import Entry, Timeline
from shared.contracts.topics import PARTITIONS
from shared.runtime import tracing
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.lease import Lease, LeaseStore
from shared.runtime.logging import logger
from shared.runtime.tasks import delay, repeat, running

_log = logger(__name__)

JOB: Final = "evaluator"
LEASE_FOR: Final = timedelta(seconds=6)
"""After a kill the others stand by for so long at most; renewed at every third of it."""
_SETTLED_MS: Final = 50
"""A record is readable this long after its timestamp: Kafka stamps it, then the followers confirm it."""
_INPUTS, _RULES, _RETIRED = -1, -2, -3
"""Sources of the timeline beside the partitions, whose numbers begin at 0."""
_ENOUGH: Final = 1_000
"""Records of a partition that wait while the others catch up with its time."""
_COMMIT_EVERY: Final = timedelta(seconds=1)
_SHOW_EVERY_S: Final = 1.0
_READ_RULES_EVERY_S: Final = 1.0
_WAIT_MS: Final = 100
"""So long a poll waits for records; inputs and time wait with it."""
_WAIT_SHORT_MS: Final = 10
"""While something waits for its instant to be over."""
_STUCK: Final = timedelta(minutes=3)
"""The longest thing between two rounds is to judge all regions by new rules."""
_RETRY_FIRST: Final = timedelta(milliseconds=200)
_RETRY_LONGEST: Final = timedelta(seconds=5)


@dataclass(slots=True)
class Evaluation:
    """What this replica has in memory while it evaluates. `number`: of the last batch. `decided_until`: all that is due
    up to then is decided and written.
    """

    term: int
    loaded: Loaded
    batcher: Batcher
    timeline: Timeline[Given]
    number: int
    decided_until: int = 0
    inputs_seen: int = 0
    pending: deque[Entry[Given]] = field(default_factory=deque)
    writing: asyncio.Task[None] | None = None


class Evaluator:
    """Waits for the lease, then evaluates until it is lost or something fails; the world is then dropped and loaded
    anew. So nothing that was not written counts.
    """

    def __init__(
        self, store: WorldStore, inputs: Inputs, leases: LeaseStore, topic: SnapshotTopic, rules: WatchedRules,
        is_region: IsRegion, holder: str, clock: Clock, metrics: LiveMetrics, on_told: Callable[[], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._inputs = inputs
        self._leases = leases
        self._topic = topic
        self._rules = rules
        self._is_region = is_region
        self._holder = holder
        self._clock = clock
        self._metrics = metrics
        self._on_told = on_told
        self._trouble: str | None = None
        self._last_round: datetime | None = None
        self._next: dict[str, float] = {}

    async def run(self) -> None:
        """Evaluate whenever this replica has the lease, until cancelled; then leave it to another at once."""
        failures = 0
        while True:
            try:
                lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
                if lease is None:
                    self._metrics.stands_by()
                    self._trouble, failures = None, 0
                else:
                    await self._hold(lease)
            except FencedError as error:
                _log.warning("evaluation is another replica's now", error=str(error))
            except (TransientError, PermanentError) as error:
                failures += 1
                self._trouble = str(error)
                _log.error("evaluation failed and begins anew from what is stored", error=str(error))
            except Exception as error:
                # A defect must neither end the process nor hide: readiness and the log say so until it works again.
                failures += 1
                self._trouble = f"a defect: {type(error).__name__}"
                _log.error("evaluation met a defect and begins anew from what is stored", exc_info=error)
            wait = delay(failures, first=_RETRY_FIRST, longest=_RETRY_LONGEST, chance=0.5)
            await asyncio.sleep(wait.total_seconds())

    async def trouble(self) -> str | None:
        """Say why nothing is evaluated here though it should be; standing by is no trouble. A health check."""
        return self._trouble

    async def rules_trouble(self) -> str | None:
        """Say what is wrong with the file of rules. Where others are in force, this replica is ready all the same."""
        trouble = self._rules.trouble
        return f"ok, but the file of rules is refused: {trouble}" if trouble and self._rules.any_in_force else trouble

    async def stuck(self) -> str | None:
        """Say that the loop hangs. A liveness check."""
        since = self._last_round
        if since is not None and self._clock.now() - since > _STUCK:
            return f"no round of evaluation since {since:%H:%M:%S}"
        return None

    async def _hold(self, lease: Lease) -> None:
        """Evaluate while the lease is renewed; release it in the end."""
        work = asyncio.create_task(self._evaluate(lease.token))
        try:
            await self._renew_until(work, lease)
            await work
        finally:
            if not work.done():
                # One that has ended is not awaited again: that would take the traceback off its error.
                work.cancel()
                await asyncio.wait({work})
            self._last_round = None
            self._metrics.stands_by()
            await self._topic.close()
            with suppress(TransientError):
                await self._leases.release(lease, self._holder)

    async def _renew_until(self, work: asyncio.Task[None], lease: Lease) -> None:
        while not work.done():
            await asyncio.wait({work}, timeout=LEASE_FOR.total_seconds() / 3)
            try:
                renewed = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
            except TransientError as error:
                # The term protects every write: while MongoDB is away nothing can be written anyway.
                _log.warning("the lease is not renewed yet", error=str(error))
                continue
            if renewed is None or renewed.token != lease.token:
                raise FencedError("the lease was lost")

    async def _evaluate(self, term: int) -> None:
        state = await self._load(term)

        async def commit() -> None:
            await self._topic.commit({at: to for at, to in state.loaded.positions.items() if to})

        try:
            async with running(repeat(commit, _COMMIT_EVERY, "committing offsets")):
                while True:
                    await self._round(state)
                    self._trouble, self._last_round = None, self._clock.now()
        finally:
            if state.writing is not None:
                state.writing.cancel()
                await asyncio.gather(state.writing, return_exceptions=True)

    async def _load(self, term: int) -> Evaluation:
        loaded = await self._store.load(term)
        batcher = await asyncio.to_thread(Batcher, loaded.world)
        await self._topic.open(loaded.positions)
        self._rules.in_force(loaded.rules_text)
        self._next.clear()
        timeline: Timeline[Given] = Timeline([*range(PARTITIONS), _INPUTS, _RULES, _RETIRED], loaded.world.now or 0)
        gone = await asyncio.to_thread(sorted, (code for code in loaded.world.regions if not self._is_region(code)))
        timeline.add(_RETIRED, [(self._now(), n, Retired(RegionRetired(code))) for n, code in enumerate(gone)])
        _log.info("evaluating", term=term, regions=len(loaded.world.regions), watches=len(loaded.world.watches))
        return Evaluation(term, loaded, batcher, timeline, loaded.batch)

    async def _round(self, state: Evaluation) -> None:
        """Read what there is, then apply what no source can give an earlier thing than.

        1. Read. 2. Let the engine decide. 3. Write all of it in one transaction, while the next is read and decided.
        After a crash before 3 the same is read and decided again.
        """
        asked, timeline = self._now(), state.timeline
        if state.writing is not None and state.writing.done():
            await _written(state)
        await self._look_at_inputs(state, asked)
        await self._look_at_rules(timeline, asked)
        timeline.complete(_RETIRED, asked - 1)
        wait = _WAIT_SHORT_MS if timeline.waiting else _WAIT_MS
        polled = await self._topic.poll(wait, lambda partition: timeline.is_full(partition, _ENOUGH))
        for partition, read in polled.read.items():
            # Kafka cannot have written it later than now: where its clock is ahead, ours counts.
            latest = self._now()
            timeline.add(partition, [(min(at, latest), offset, what) for at, offset, what in read])
        for partition in polled.at_end:
            timeline.complete(partition, asked - 1 - _SETTLED_MS)
        known = timeline.known
        state.pending.extend(timeline.take())
        await self._apply(state, known)
        await self._show(state, polled.lag)

    async def _apply(self, state: Evaluation, known: int) -> None:
        while True:
            batch = await asyncio.to_thread(state.batcher.apply, state.pending, known)
            if not batch.is_empty:
                await _written(state)
                state.number += 1
                state.writing = asyncio.create_task(self._write(state, batch, state.number))
            if not state.pending:
                break

    async def _write(self, state: Evaluation, batch: Batch, number: int) -> None:
        traces = (delivery["traceparent"] for delivery in batch.deliveries)
        with tracing.span("decide", traces) if batch.deliveries else nullcontext():
            await self._store.write(state.term, number, batch)
        state.loaded.positions |= batch.positions
        self._metrics.written(batch)
        if batch.deliveries:
            self._on_told()

    async def _look_at_inputs(self, state: Evaluation, asked: int) -> None:
        new = [each for each in await self._inputs.waiting() if each.id > state.inputs_seen]
        state.timeline.add(_INPUTS, [(to_ms(each.given_at), each.id, each) for each in new])
        state.inputs_seen = max([state.inputs_seen, *(each.id for each in new)])
        state.timeline.complete(_INPUTS, asked - 1)

    async def _look_at_rules(self, timeline: Timeline[Given], asked: int) -> None:
        if self._is_time("rules", _READ_RULES_EVERY_S):
            changed = await asyncio.to_thread(self._rules.changed)
            timeline.add(_RULES, [] if changed is None else [(asked, asked, changed)])
        timeline.complete(_RULES, asked - 1)

    async def _show(self, state: Evaluation, lag: Mapping[int, int]) -> None:
        if state.writing is None:
            state.decided_until = state.loaded.world.now or 0
        until = state.decided_until
        self._metrics.progress(lag, until, max(0, self._now() - until))
        if self._is_time("show", _SHOW_EVERY_S):
            await self._metrics.world(state.loaded.world)

    def _is_time(self, what: str, every_s: float) -> bool:
        """Say whether this is due, and note when it is due again."""
        now = asyncio.get_running_loop().time()
        if now < self._next.get(what, now):
            return False
        self._next[what] = now + every_s
        return True

    def _now(self) -> int:
        return to_ms(self._clock.now())


async def _written(state: Evaluation) -> None:
    """Wait for the write that is under way."""
    if state.writing is not None:
        await state.writing
        state.writing = None
