"""What `verify` finds, and what `replay-ledger` publishes, over memory."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId

from services.registry.audit.auditor import Auditor
from services.registry.audit.ports import Numbers
from services.registry.audit.verify import DifferenceFound, verify
from services.registry.domain.participant import Participant
from services.registry.intake.commit import Intake
from services.registry.relay.relay import LEASE_FOR, Relay
from shared.adapters.kafka_producer import partition_for
from shared.contracts.topics import PARTITIONS
from shared.runtime.errors import PermanentError, TransientError
from tests.factories_registry import NIK, event
from tests.fakes import ManualClock
from tests.fakes_audit import MemoryAudit, MemoryReplayTopic, MemorySnapshot, SilentProgress
from tests.fakes_registry import INTAKE_METRICS, PARSER, RELAY_METRICS, SECRETS, MemoryOutbox, MemoryStore, MemoryTopic


def nik(number: int) -> dict[str, str]:
    return {"scheme": "nik", "value": f"{NIK[:12]}{number:04d}"}


def fact(id_: str, type_: str, data: dict[str, Any], time: str = "2026-10-01") -> dict[str, Any]:
    return event(id=id_, type=f"cakupan.{type_}.v1", time=time) | {"data": data}


FACTS = [
    event(id="a", data={"identity": nik(1), "paid_through": "2026-12"}),
    event(id="b", data={"identity": nik(2), "region": "63.10"}),
    event(id="c", data={"identity": nik(3), "region": "92.08"}),
    fact("l", "linked", {"identity": nik(2), "other": nik(3)}),
    fact("m", "relocated", {"identity": nik(1), "region": "35.01"}),
    event(id="d", data={"identity": nik(4)}),
    fact("x", "corrected", {"corrects": "d", "type": "enrolled", "void": True}),
]


class Registry:
    """A registry over memory: some changes published, the last ones waiting."""

    def __init__(self) -> None:
        self.clock, self.store, self.topic = ManualClock(), MemoryStore(), MemoryTopic()
        self.outbox = MemoryOutbox(self.store)
        self.audit = MemoryAudit(self.store, self.outbox)
        self.copy = MemoryReplayTopic()

    async def take(self, facts: list[dict[str, Any]]) -> None:
        candidates = [PARSER.parse_document(one, self.clock.now()) for one in facts]
        outcomes = await Intake(self.store, SECRETS, self.clock, INTAKE_METRICS).decide_together(candidates)
        assert {outcome.result.value for outcome in outcomes} == {"accepted"}

    async def relay(self) -> None:
        relay = Relay(self.outbox, self.topic, "one", self.clock, RELAY_METRICS)
        await relay.lead()
        while await relay.round():
            pass

    def auditor(self) -> Auditor:
        return Auditor(
            audit=self.audit, secret=SECRETS.change, partition_of=partition_of, clock=self.clock,
            relayed_to="changes", topic=lambda name: self.copy,
        )  # fmt: skip

    async def replay(self, topic: str = "copy", *, resume: bool = False) -> int:
        return await self.auditor().replay(topic, SilentProgress(), resume=resume)


def partition_of(regency: str) -> int:
    return partition_for(regency, PARTITIONS)


@pytest.fixture
async def registry() -> Registry:
    """Seven facts; the changes of the first five are published."""
    made = Registry()
    for one in FACTS[:5]:
        await made.take([one])
    await made.relay()
    await made.take(FACTS[5:6])
    await made.take(FACTS[6:])
    return made


async def test_a_registry_that_is_as_it_must_be_has_no_difference(registry: Registry) -> None:
    """Links, moves, a voided fact whose person has nothing left, changes published and waiting."""
    counted = await registry.auditor().verify(SilentProgress())
    assert (counted.people, counted.facts, counted.waiting) == (3, 5, 2)
    assert counted.changes == sum(len(document["changes"]) for document in registry.store.state.ledger)


Spoil = Callable[[MemorySnapshot], object]


def person(snapshot: MemorySnapshot, region: str) -> Participant:
    found = [who for who in snapshot.state.participants.values() if any(one.region == region for one in who.facts)]
    return found[0]


def alter(snapshot: MemorySnapshot, old: str, new: str) -> None:
    for document in snapshot.state.ledger:
        document["changes"] = [text.replace(old, new) for text in document["changes"]]


def put(snapshot: MemorySnapshot, who: Participant) -> None:
    snapshot.state.participants[who.id] = who


def double(snapshot: MemorySnapshot) -> None:
    """Have one entry numbered and waiting."""
    snapshot.state.outbox.append(next(batches[0][0] for batches in snapshot.outbox.numbered.values() if batches))


def forget(snapshot: MemorySnapshot) -> None:
    """Have one entry, without effect, in no manifest and not waiting, as if the relay had lost it."""
    lost = deepcopy(snapshot.state.ledger[0]) | {"_id": ObjectId(), "changes": [], "keys": [], "persons": []}
    snapshot.state.ledger.append(lost)


SPOILED: dict[str, tuple[Spoil, str]] = {
    "a person the ledger does not know": (
        lambda at: put(at, replace(person(at, "63.10"), id="0" * 32)), "how often it counts: expected 1, found 0",
    ),
    "a person who is gone": (
        lambda at: at.state.participants.pop(person(at, "35.01").id), "how often it counts: expected 0, found 1",
    ),
    "a source other than published": (
        lambda at: put(at, replace(person(at, "35.01"), sources=("x", "bpjs/aceh"))),
        r"\(joined at .*how often it counts: expected",
    ),
    "a change other than decided": (lambda at: alter(at, '"BPU"', '"PU"'), "how often it counts"),
    "a change taken back that stands": (lambda at: alter(at, '"diff":1', '"diff":-1'), r"expected \d, found -\d"),
    "a due date that the sweeper would miss": (
        lambda at: put(at, replace(person(at, "35.01"), due_at=None)), "due: expected 2027-",
    ),
    "an entry that is gone": (lambda at: at.state.ledger.pop(0), "expected ledger entry .*, found none"),
    "a waiting entry that is gone": (lambda at: at.state.ledger.pop(), "outbox: expected ledger entry"),
    "an entry in a manifest and in the outbox": (double, "how often"),
    "an entry that nobody will publish": (forget, "in manifests and outbox, how often: expected 1, found 0"),
    "a regency in another's partition": (
        lambda at: at.state.ledger[0].update(keys=["63.10"]), "partition of 63.10: expected",
    ),
    "a fact that stands with nobody": (
        lambda at: put(at, replace(person(at, "63.10"), links=())), "noted as counting for|said to be person",
    ),
    "a holder that leads elsewhere": (
        lambda at: at.state.moved.update(dict.fromkeys(at.state.moved, "0" * 32)), "said to be person",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
async def test_the_first_difference_is_named(registry: Registry, what: str) -> None:
    """By person, change, entry or partition, with what is expected and what is there; never by an identity."""
    spoil, said = SPOILED[what]
    async with registry.audit.snapshot() as snapshot:
        spoil(snapshot)
        with pytest.raises(DifferenceFound, match=said) as raised:
            await verify(snapshot, SECRETS.change, partition_of, SilentProgress())
    assert NIK[:12] not in str(raised.value)


async def test_a_difference_that_cannot_be_named_is_a_difference_all_the_same(registry: Registry) -> None:
    """MongoDB may forget the snapshot before it has been read a second time."""

    class Forgotten(MemorySnapshot):
        readings = 0

        async def numbers(self) -> dict[int, Numbers]:
            self.readings += 1
            if self.readings > 1:
                raise PermanentError("MongoDB no longer knows")
            return await super().numbers()

    snapshot = Forgotten(registry.store, registry.outbox)
    snapshot.state.participants.clear()
    with pytest.raises(DifferenceFound, match=r"people.*no longer knows"):
        await verify(snapshot, SECRETS.change, partition_of, SilentProgress())


async def test_a_gap_in_the_numbers_is_a_difference(registry: Registry) -> None:
    """Each manifest begins where the one before ended, and the next number follows the last."""
    async with registry.audit.snapshot() as snapshot:
        partition = next(p for p, batches in snapshot.outbox.numbered.items() if batches)
        del snapshot.outbox.numbered[partition][-1]
        with pytest.raises(DifferenceFound, match=f"partition {partition}"):
            await verify(snapshot, SECRETS.change, partition_of, SilentProgress())


async def test_a_replay_is_the_topic_again(registry: Registry) -> None:
    """Everything that has a number, under that number, in order; what waits for one is left to the relay."""
    published = sum(len(records) for records in registry.topic.records.values())
    assert await registry.replay() == published
    assert registry.copy.records == registry.topic.records


async def test_a_replay_broken_off_goes_on_where_it_stood(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash the topic holds a beginning of each partition; --resume adds the rest, nothing twice."""
    monkeypatch.setattr("services.registry.audit.replay.CHANGES_AT_ONCE", 1)
    registry.copy.fail_after = 3
    with pytest.raises(TransientError):
        await registry.replay()
    with pytest.raises(PermanentError, match="--resume"):
        await registry.replay()
    await registry.replay(resume=True)
    assert registry.copy.records == registry.topic.records
    assert await registry.replay(resume=True) == 0


async def test_a_topic_of_another_ledger_is_not_gone_on_with(registry: Registry) -> None:
    """Its last record is not what this ledger has under that number."""
    registry.copy.records[partition_of("63.10")].append((0, '"diff":1}'))
    with pytest.raises(PermanentError, match="no copy of it"):
        await registry.replay(resume=True)
    assert sum(len(records) for records in registry.copy.records.values()) == 1


async def test_a_replay_to_the_topic_that_is_relayed_to_waits_until_nobody_relays(registry: Registry) -> None:
    """New changes would come between the old ones."""
    registry.clock.advance(LEASE_FOR)
    await registry.outbox.announce("registry-0", registry.clock.now(), LEASE_FOR)
    with pytest.raises(PermanentError, match="registry-0 relay to changes"):
        await registry.replay("changes")
    registry.clock.advance(LEASE_FOR)
    assert await registry.replay("changes") > 0


async def test_a_ledger_that_disagrees_with_its_numbers_is_not_replayed(registry: Registry) -> None:
    """Records under wrong numbers would be worse than none."""
    registry.store.state.ledger.pop(0)
    with pytest.raises(PermanentError, match="verify"):
        await registry.replay()
