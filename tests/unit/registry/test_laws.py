"""Laws of the whole registry, over memory: it publishes what the definition says, however it came to know it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from datetime import timedelta
from itertools import cycle

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.audit.auditor import Auditor
from services.registry.domain.errors import RefusalCode
from services.registry.intake.commit import Intake
from services.registry.relay.clock import LEASE_FOR, Sweeper
from shared.adapters.kafka_producer import partition_for
from shared.contracts.changes import Change
from shared.contracts.topics import PARTITIONS
from tests import oracle, stream
from tests.chaos.judge import standing
from tests.fakes import ManualClock
from tests.fakes_audit import MemoryAudit, MemoryReplayTopic, SilentProgress
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, SWEEP_METRICS, MemoryOutbox, MemoryStore

NOW = oracle.instant("2026-11-21T10:00:00+07:00")
EARLIEST, LATEST = NOW - timedelta(days=300), NOW + timedelta(days=400)
"""A fact may be at most 366 days ahead of the clock; at the end everyone's payments have run out."""


class Registry:
    """Intake and sweeper over one store and one clock that moves by hand."""

    def __init__(self) -> None:
        self.clock, self.store = ManualClock(EARLIEST), MemoryStore()
        self.outbox = MemoryOutbox(self.store)
        self.taken: dict[tuple[str, str], stream.Event] = {}
        self._intake = Intake(self.store, SECRETS, self.clock, INTAKE_METRICS)
        self._sweeper = Sweeper(
            self.store, self.outbox, "one", SECRETS.change, self.clock, SWEEP_METRICS, on_commit=lambda: None
        )

    async def take(self, group: list[stream.Event]) -> list[stream.Event]:
        """Have a group decided together, and return those to be sent again: by a card that is not linked yet."""
        outcomes = await self._intake.decide_together([PARSER.parse_document(one, self.clock.now()) for one in group])
        again = []
        for fact, outcome in zip(group, outcomes, strict=True):
            if outcome.result == "accepted":
                self.taken[fact["source"], fact["id"]] = fact
            elif outcome.refusal is not None:
                assert outcome.refusal.code is RefusalCode.UNKNOWN_CARD, (fact, outcome.refusal)
                again.append(fact)
        return again

    async def tick(self, days: int) -> None:
        """Let the clock move, and sweep what is due, if that is anything."""
        self.clock.set(min(LATEST, self.clock.now() + timedelta(days=days)))
        while await self.store.due(self.clock.now(), 1):
            self.clock.advance(LEASE_FOR)
            await self._sweeper.sweep()

    def published(self) -> list[tuple[str, Change]]:
        """Return key and change of everything in the ledger, in order."""
        return [
            (key, msgspec.json.decode('{"seq":0,' + text, type=Change))
            for entry in self.store.state.ledger
            for key, text in zip(entry["keys"], entry["changes"], strict=True)
        ]

    async def verify(self) -> None:
        """Return if ledger and people agree."""
        await Auditor(
            audit=MemoryAudit(self.store, self.outbox), secret=SECRETS.change,
            partition_of=lambda regency: partition_for(regency, PARTITIONS), clock=self.clock, relayed_to="",
            topic=lambda _: MemoryReplayTopic(),
        ).verify(SilentProgress())  # fmt: skip


async def run(arriving: list[stream.Event], steps: list[tuple[int, int]]) -> Registry:
    """Feed the facts in groups of these sizes, the clock moving on by so many days after each; then let all run out."""
    registry, waiting = Registry(), deque(arriving)
    for size, days in cycle(steps):
        if not waiting:
            break
        group = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        waiting.extend(await registry.take(group))
        await registry.tick(days)
    await registry.tick((LATEST - EARLIEST).days)
    return registry


steps = st.lists(st.tuples(st.integers(1, 6), st.sampled_from([0, 0, 0, 1, 20, 45])), min_size=1, max_size=8)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(0, 10_000), steps)
def test_whatever_order_and_ticks_the_published_changes_sum_to_the_definition(
    seed: int, size: int, order: int, moves: list[tuple[int, int]]
) -> None:
    """Late, repeated, corrected, linked and future facts, the clock moving between any two: the same end, and no change
    is ever out twice or taken back unpublished."""
    arriving = stream.arriving(order, stream.written(seed, size, NOW))
    registry = asyncio.run(run(arriving, moves))
    expected = oracle.counts(registry.taken.values(), registry.clock.now())
    assert standing(registry.published()) == expected
    asyncio.run(registry.verify())


def test_the_streams_say_everything() -> None:
    """Every type of fact, void and replaced ones, two under one id, active and lapsed people: else the law is weak."""
    facts = stream.written(7, 4000, NOW)
    types = Counter(oracle.short(fact) for fact in facts)
    assert set(types) == {*oracle.APPLIED, "linked", "corrected"}
    corrections = [fact["data"] for fact in facts if oracle.short(fact) == "corrected"]
    assert {"void" in one for one in corrections} == {True, False}
    assert "linked" in {one["type"] for one in corrections}
    ids = {fact["id"] for fact in facts}
    assert 0 < sum(one["corrects"] not in ids for one in corrections) < len(corrections) / 10
    assert len(facts) - len(ids) > 20, "two facts under one id"
    counted = oracle.counts({fact["id"]: fact for fact in facts}.values(), NOW)
    measures = Counter[str]()
    for (region, measure, _), number in counted.items():
        measures[measure] += number if region == "ID" else 0
    assert measures["registered"] > measures["active"] > measures["registered"] / 10
    assert len({region for region, _, _ in counted if "." not in region}) == len(stream.PROVINCES) + 1
