"""From ledger to topic: contiguous numbers, nothing lost, whatever crashes."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.registry.domain.ledger import entries
from services.registry.domain.participant import Participant, decide
from services.registry.intake.ports import GroupWrite, Transaction
from services.registry.relay.relay import LEASE_FOR, RENEW_EVERY, Relay
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import FencedError, PermanentError, TransientError
from tests.factories_registry import enrolled
from tests.fakes import ManualClock
from tests.fakes_registry import RELAY_METRICS, MemoryOutbox, MemoryStore, MemoryTopic
from tests.spans import A, B, links, recorded, traceparent

REGIONS = ["11.01.02.2003", "11.02", "63.10", "92.08", "35.01"]


async def commit(store: MemoryStore, clock: ManualClock, regions: list[str], trace: str = "00-trace") -> None:
    """Commit one enrolment of a new person in each region."""

    async def work(transaction: Transaction) -> None:
        rows = []
        for region in regions:
            person, deltas = decide(Participant(uuid.uuid4().hex), [enrolled(region=region)], (), clock.now())
            rows += list(entries(person.id, deltas, clock.now(), b"secret"))
        await transaction.write(GroupWrite([], (), (), {}, rows, clock.now(), trace))

    await store.transact(work)


def committed(store: MemoryStore) -> list[str]:
    return sorted(change for document in store.state.ledger for change in document["changes"])


def applied(topic: MemoryTopic) -> list[str]:
    return sorted(change for changes in topic.read().values() for change in changes)


class Stack:
    """A store, a topic and any number of relays on one clock."""

    def __init__(self) -> None:
        self.clock, self.store, self.topic = ManualClock(), MemoryStore(), MemoryTopic()
        self.outbox = MemoryOutbox(self.store)

    def relay(self, holder: str) -> Relay:
        return Relay(self.outbox, self.topic, holder, self.clock, RELAY_METRICS)


async def drain(relay: Relay) -> None:
    await relay.lead()
    while await relay.round():
        pass


async def test_every_committed_change_is_published_once_with_contiguous_numbers() -> None:
    """Per partition from 0, without a gap."""
    stack = Stack()
    await commit(stack.store, stack.clock, REGIONS)
    await commit(stack.store, stack.clock, REGIONS)
    await drain(stack.relay("one"))
    assert applied(stack.topic) == committed(stack.store)
    assert (await stack.outbox.backlog()).changes == 0


async def test_nothing_is_published_from_a_database_older_than_the_topic() -> None:
    """After an old backup was put back the next numbers are taken; the numbers wait as well."""
    stack, older = Stack(), Stack()
    await commit(stack.store, stack.clock, REGIONS)
    await drain(stack.relay("one"))
    older.topic = stack.topic
    await commit(older.store, older.clock, REGIONS[:1])
    with pytest.raises(PermanentError, match="the database is older than the topic"):
        await drain(older.relay("one"))
    assert applied(stack.topic) == committed(stack.store)
    assert set((await older.outbox.given()).values()) == {0}


async def test_a_relay_killed_after_numbering_is_followed_by_the_same_numbers() -> None:
    """The successor publishes the same records again; the reader drops what it has."""
    stack = Stack()
    await commit(stack.store, stack.clock, REGIONS)
    stack.topic.fail_after = 3
    with pytest.raises(TransientError):
        await drain(stack.relay("killed"))
    await commit(stack.store, stack.clock, REGIONS)
    stack.clock.advance(LEASE_FOR)
    await drain(stack.relay("successor"))
    assert applied(stack.topic) == committed(stack.store)


async def test_a_zombie_relay_cannot_number_after_its_lease_was_taken() -> None:
    """Its token is no longer the newest."""
    stack = Stack()
    zombie, successor = stack.relay("zombie"), stack.relay("successor")
    await drain(zombie)
    stack.clock.advance(LEASE_FOR)
    await drain(successor)
    await commit(stack.store, stack.clock, REGIONS)
    with pytest.raises(FencedError):
        await zombie.round()
    await drain(successor)
    assert applied(stack.topic) == committed(stack.store)


async def test_a_relay_that_was_away_publishes_first_what_another_left_meanwhile() -> None:
    """It stalled past its lease, another numbered and died, it leads again: no number is skipped."""
    stack = Stack()
    stalled, dying = stack.relay("stalled"), stack.relay("dying")
    await commit(stack.store, stack.clock, REGIONS)
    await drain(stalled)
    await commit(stack.store, stack.clock, REGIONS)
    stack.clock.advance(LEASE_FOR)
    stack.topic.fail_after = 0
    with pytest.raises(TransientError):
        await drain(dying)
    await commit(stack.store, stack.clock, REGIONS)
    stack.clock.advance(LEASE_FOR)
    await drain(stalled)
    assert applied(stack.topic) == committed(stack.store)


async def test_two_relays_share_the_partitions_and_one_takes_all_when_the_other_dies() -> None:
    """A fair share each; all of them again once the dead one's leases have run out."""
    stack = Stack()
    one, two = stack.relay("one"), stack.relay("two")
    for relay in (one, two, one, two):
        stack.clock.advance(RENEW_EVERY)
        await relay.lead()
    assert (len(one._held), len(two._held)) == (PARTITIONS // 2, PARTITIONS // 2)
    stack.clock.advance(LEASE_FOR)
    await one.lead()
    assert len(one._held) == PARTITIONS


class RelayMachine(RuleBasedStateMachine):
    """Commits, publishes, crashes between any two steps, and hands partitions over, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = Stack()
        self.relays = [self.stack.relay("one"), self.stack.relay("two")]

    @rule(regions=st.lists(st.sampled_from(REGIONS), min_size=1, max_size=4))
    def commit(self, regions: list[str]) -> None:
        """A group commit."""
        asyncio.run(commit(self.stack.store, self.stack.clock, regions))

    @rule(which=st.integers(0, 1), fail_after=st.none() | st.integers(0, 4))
    def relay(self, which: int, fail_after: int | None) -> None:
        """One relay works; Kafka may fail on the way."""
        self.stack.topic.fail_after = fail_after
        try:
            asyncio.run(drain(self.relays[which]))
        except (TransientError, FencedError):
            self.relays[which] = self.stack.relay(f"{which}-{uuid.uuid4().hex}")
        self.stack.topic.fail_after = None

    @rule(which=st.integers(0, 1))
    def kill(self, which: int) -> None:
        """A relay is killed and comes back under another name."""
        self.relays[which] = self.stack.relay(f"{which}-{uuid.uuid4().hex}")

    @rule(seconds=st.integers(1, 8))
    def pass_time(self, seconds: int) -> None:
        """Leases run out."""
        self.stack.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def only_what_was_committed(self) -> None:
        """No gap, no number given twice, nothing that was not committed."""
        assert set(applied(self.stack.topic)) <= set(committed(self.stack.store))

    def teardown(self) -> None:
        """In the end everything committed is on the topic."""
        self.stack.clock.advance(LEASE_FOR * 2)
        asyncio.run(drain(self.stack.relay("last")))
        assert applied(self.stack.topic) == committed(self.stack.store)


TestRelayMachine = RelayMachine.TestCase
TestRelayMachine.settings = settings(max_examples=40, stateful_step_count=20)


async def test_a_round_continues_the_trace_of_one_change_and_links_to_the_others() -> None:
    """A round publishes what many groups committed."""
    stack = Stack()
    for trace in (A, A, B):
        await commit(stack.store, stack.clock, ["11.02"], trace)
    with recorded() as spans:
        await drain(stack.relay("a"))
    relayed = spans.one("relay")
    assert (traceparent(relayed.parent), links(relayed)) == (A, [B])
