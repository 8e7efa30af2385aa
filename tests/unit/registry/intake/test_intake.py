"""The group commit: who counts, who is known already, and what is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.outcomes import Outcome, Result
from services.registry.intake.commit import Intake
from services.registry.intake.parsing import Candidate
from services.registry.intake.ports import Transaction
from shared.runtime.errors import TransientError
from tests.factories_registry import NIK, raw
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryStore
from tests.spans import A, B, links, recorded, traceparent

T = TypeVar("T")

CLOCK = ManualClock()


def candidate(**over: Any) -> Candidate:
    return PARSER.parse(raw(**over), CLOCK.now())


def intake(store: MemoryStore) -> Intake:
    return Intake(store, SECRETS, CLOCK, INTAKE_METRICS)


def results(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


async def test_a_fact_sent_again_is_a_duplicate_and_another_under_its_id_a_conflict() -> None:
    """Within one group and across groups."""
    store = MemoryStore()
    same, other = candidate(), candidate(data={"segment": "PMI"})
    assert results(await intake(store).decide_together([same, same, other])) == ["accepted", "duplicate", "conflict"]
    assert results(await intake(store).decide_together([same, other])) == ["duplicate", "conflict"]


async def test_a_known_id_is_judged_before_any_refusal() -> None:
    """A broken fact under a known id is a conflict, not a refusal."""
    store = MemoryStore()
    await intake(store).decide_together([candidate()])
    broken = candidate(data={"segment": "XX"})
    assert results(await intake(store).decide_together([broken])) == ["conflict"]


async def test_one_person_in_two_sources_is_counted_once() -> None:
    """Five times the same fact, and the same person by another source: one person, one published transition."""
    store = MemoryStore()
    facts = [candidate()] * 5 + [candidate(source="dinas/aceh")]
    await intake(store).decide_together(facts)
    assert len(store.state.participants) == 1
    assert sum(len(document["changes"]) for document in store.state.ledger) == 1


async def test_a_card_that_is_not_linked_is_refused_and_leaves_nothing() -> None:
    """A refused fact may be sent again."""
    store = MemoryStore()
    card = candidate(data={"identity": {"scheme": "kpj", "value": "12345678901"}})
    (outcome,) = await intake(store).decide_together([card])
    assert outcome.refusal is not None
    assert outcome.refusal.code.value == "unknown_card"
    assert store.state.slots == {}


async def test_nothing_stored_holds_the_identity() -> None:
    """Neither in clear, nor as a hash that anyone could compute without the secret."""
    store = MemoryStore()
    await intake(store).decide_together([candidate()])
    assert NIK not in repr(store.state)


async def test_a_group_that_fails_is_answered_with_the_error_and_can_be_sent_again() -> None:
    """Nobody hears "accepted" for what is not durable."""
    store = MemoryStore()
    store.fail_next = True
    running = intake(store)
    loop = asyncio.create_task(running.run())
    with pytest.raises(TransientError):
        await running.put(candidate())
    assert store.state.slots == {}
    assert (await running.put(candidate())).result is Result.ACCEPTED
    loop.cancel()


async def test_too_many_waiting_facts_are_sent_back_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-pressure, not memory."""
    monkeypatch.setattr("services.registry.intake.commit.WAITING_AT_MOST", 2)
    stopped = intake(MemoryStore())
    waiting = [stopped.put(candidate(id=f"f{n}")) for n in range(2)]
    with pytest.raises(TransientError, match="too many"):
        await stopped.put(candidate(id="f9"))
    for task in waiting:
        task.cancel()


async def test_whoever_waits_when_the_registry_stops_is_told_to_send_again() -> None:
    """No request hangs."""
    stopping = intake(MemoryStore())
    loop = asyncio.create_task(stopping.run())
    waiting = stopping.put(candidate())
    await asyncio.sleep(0)
    loop.cancel()
    with pytest.raises(TransientError, match="stopping"):
        await waiting


class SlowStore(MemoryStore):
    """Begins a commit at once, and ends none before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.may_end = asyncio.Event()

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        self.begun += 1
        await self.may_end.wait()
        return await super().transact(work)


@pytest.mark.parametrize(("waiting", "begun"), [(2, 1), (3, 2)])
async def test_a_second_group_goes_beside_another_only_where_it_is_large(
    monkeypatch: pytest.MonkeyPatch, waiting: int, begun: int
) -> None:
    """A small one waits for the one in flight, and takes all who come meanwhile."""
    monkeypatch.setattr("services.registry.intake.commit.BESIDE_ANOTHER", 3)
    monkeypatch.setattr("services.registry.intake.commit.GATHER_FOR", timedelta())
    store = SlowStore()
    running = intake(store)
    loop = asyncio.create_task(running.run())
    people = [{"scheme": "nik", "value": f"110101410190000{n}"} for n in range(1 + waiting)]
    answers = [running.put(candidate(id="f0", data={"identity": people[0]}))]
    for _ in range(10):
        await asyncio.sleep(0)
    answers += [running.put(candidate(id=f"f{n}", data={"identity": people[n]})) for n in range(1, 1 + waiting)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert store.begun == begun
    store.may_end.set()
    assert {outcome.result for outcome in await asyncio.gather(*answers)} == {Result.ACCEPTED}
    assert store.begun == 2
    loop.cancel()


ids = st.integers(0, 5).map(lambda n: f"f{n}")
persons = st.integers(1, 3).map(lambda n: {"scheme": "nik", "value": f"110101410190000{n}"})


@given(st.lists(st.tuples(ids, persons), min_size=1, max_size=20), st.integers(1, 5))
def test_however_facts_are_grouped_each_counts_once(arrivals: list[tuple[str, dict[str, str]]], size: int) -> None:
    """Accepted facts are as many as distinct ids, whatever the groups; registered are the persons first named."""
    store = MemoryStore()
    candidates = [candidate(id=id_, data={"identity": who}) for id_, who in arrivals]
    for start in range(0, len(candidates), size):
        asyncio.run(intake(store).decide_together(candidates[start : start + size]))
    first = dict(reversed(arrivals))
    assert len(store.state.slots) == len(first)
    assert len(store.state.participants) == len({who["value"] for who in first.values()})


async def test_a_group_continues_the_trace_of_one_fact_and_links_to_the_others() -> None:
    """The ledger keeps the group's own, so that the relay and all behind it go on from there."""
    store = MemoryStore()
    with recorded() as spans:
        committing = intake(store)
        running = asyncio.create_task(committing.run())
        identities = ({"identity": {"scheme": "nik", "value": f"{NIK[:12]}{n:04d}"}} for n in range(3))
        facts = [candidate(id=f"f{n}", data=data) for n, data in enumerate(identities)]
        await asyncio.gather(*(committing.put(fact, trace) for fact, trace in zip(facts, (None, A, B), strict=True)))
        running.cancel()
        await asyncio.wait({running})
    group = spans.one("group commit")
    assert (traceparent(group.parent), links(group)) == (A, [B])
    assert {row["traceparent"] for row in store.state.ledger} == {traceparent(group.get_span_context())}
