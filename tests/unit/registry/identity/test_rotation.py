"""Keys are rotated while facts arrive: an identity keeps its one holder, a fact stays known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from rich.console import Console

from services.registry.identity.erasure import Eraser, ErasureOutcome
from services.registry.identity.hashing import Secrets
from services.registry.identity.identity import Identity
from services.registry.identity.ports import Layers
from services.registry.identity.rotation import Rotation
from services.registry.intake.commit import Intake
from services.registry.intake.parsing import Parser
from shared.adapters.progress_bar import ProgressBar
from shared.regions.catalogue import catalogue
from shared.runtime.errors import PermanentError
from tests.factories_registry import NIK, event
from tests.fakes import ManualClock
from tests.fakes_keyring import MemoryKeyring
from tests.fakes_registry import INTAKE_METRICS, MemoryStore

KEYS = [b"1" * 32, b"2" * 32, b"3" * 32]
CLOCK = ManualClock()
PARSER = Parser(catalogue(), Secrets.derive(KEYS[0]).content)


class RecordedProgress(ProgressBar):
    """Remembers what the operator was shown."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self.stages: list[str] = []

    def begin(self, phase: str, total: int | None = None) -> None:
        self.stages.append(phase)
        super().begin(phase, total)


class Killed(Exception):  # noqa: N818 - what happened to it, not an error of ours
    """Ends a rotation between two batches, as a kill does."""


class Mortal(MemoryKeyring):
    """A key store whose rotation dies after `lives` batches."""

    lives: int | None = None

    async def move_identities(self, *args: Any) -> AsyncIterator[int]:
        async for rows in super().move_identities(*args):
            self._live()
            yield rows

    async def move_facts(self, *args: Any) -> AsyncIterator[int]:
        async for rows in super().move_facts(*args):
            self._live()
            yield rows

    def _live(self) -> None:
        if self.lives == 0:
            raise Killed
        if self.lives is not None:
            self.lives -= 1


def nik(number: int) -> str:
    return f"{NIK[:12]}{number:04d}"


class Registry:
    """Replicas with one, two and three keys over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.keyring = Mortal(self.store)
        self.progress = RecordedProgress()
        self._replicas = [Intake(self.store, Secrets.derive(*KEYS[:keys]), CLOCK, INTAKE_METRICS) for keys in (1, 2, 3)]

    async def take(self, keys: int, number: int, id_: str, segment: str = "BPU") -> str:
        fact = event(id=id_, data={"identity": {"scheme": "nik", "value": nik(number)}, "segment": segment})
        candidate = PARSER.parse_document(fact, CLOCK.now())
        (outcome,) = await self._replicas[keys - 1].decide_together([candidate])
        return outcome.result.value

    async def rotate(self, keys: int = 2) -> int:
        return await Rotation(self.keyring, Secrets.derive(*KEYS[:keys]), CLOCK, self.progress).run()

    async def erase(self, keys: int, number: int) -> ErasureOutcome:
        eraser = Eraser(self.store, Secrets.derive(*KEYS[:keys]), CLOCK)
        return (await eraser.erase(Identity("nik", nik(number)), by="operator", force=True)).outcome


async def test_after_a_rotation_everyone_is_known_by_the_new_key_and_nobody_by_the_old() -> None:
    """No row of the old key is left, facts are recognised, and a replica with the old key alone takes nothing."""
    registry = Registry()
    for number in range(5):
        await registry.take(1, number, f"f-{number}")
    assert await registry.rotate() == 1
    old, new = Secrets.derive(KEYS[0]).ids[0], Secrets.derive(KEYS[1]).ids[0]
    assert {row.key_id for row in registry.store.state.identities.values()} == {new} != {old}
    assert registry.store.state.layers == Layers(2, 2)
    assert [await registry.take(2, number, f"f-{number}") for number in range(5)] == ["duplicate"] * 5
    assert await registry.take(2, 3, "f-3", segment="PMI") == "conflict"
    assert await registry.take(2, 3, "again") == "accepted"
    assert len(registry.store.state.participants) == 5
    with pytest.raises(PermanentError, match="identity key file"):
        await registry.take(1, 3, "f-3")


async def test_a_rotation_does_not_begin_before_every_replica_has_the_key() -> None:
    """It names those that do not; what is in use stays as it is."""
    registry = Registry()
    registry.keyring.members = {
        "registry-0": Secrets.derive(*KEYS[:2]).ids,
        "registry-1": Secrets.derive(*KEYS[:1]).ids,
    }
    with pytest.raises(PermanentError, match="registry-1 cannot use key"):
        await registry.rotate()
    assert registry.store.state.layers == Layers(1, 1)


async def test_a_killed_rotation_is_gone_on_with() -> None:
    """Wherever it died: between two batches both layers are in use."""
    registry = Registry()
    for number in range(5):
        await registry.take(1, number, f"f-{number}")
    for lives in (0, 1, 2):
        registry.keyring.lives = lives
        with pytest.raises(Killed):
            await registry.rotate()
        assert registry.store.state.layers == Layers(1, 2)
    registry.keyring.lives = None
    assert await registry.rotate() == 1
    assert {slot.fact.layer for slot in registry.store.state.slots.values() if slot.fact} == {2}
    assert await registry.rotate() == 0


async def test_two_keys_can_be_caught_up_in_one_go() -> None:
    """One after the other; the stages are told."""
    registry = Registry()
    await registry.take(1, 1, "f-1")
    assert await registry.rotate(keys=3) == 2
    assert registry.store.state.layers == Layers(3, 3)
    assert await registry.take(3, 1, "f-1") == "duplicate"
    assert [stage.split(",")[0] for stage in registry.progress.stages[1:3]] == ["identities", "facts"]
    assert registry.progress.done >= 4


class Rotating(RuleBasedStateMachine):
    """Facts, erasures, batches of re-keying and kills in any order, by replicas that know one key, two or three."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.sent: dict[str, int] = {}
        self.people: dict[int, bool] = {}
        self.erased = 0

    @rule(keys=st.integers(1, 3), number=st.integers(0, 3), id_=st.integers(0, 9).map(str))
    def take(self, keys: int, number: int, id_: str) -> None:
        """A fact is accepted once, known ever after; a replica that lacks a key in use takes none."""
        if keys < self.registry.store.state.layers.newest:
            with pytest.raises(PermanentError):
                asyncio.run(self.registry.take(keys, number, id_))
            return
        expected = "accepted" if id_ not in self.sent else "duplicate" if self.sent[id_] == number else "conflict"
        assert asyncio.run(self.registry.take(keys, number, id_)) == expected
        if expected == "accepted":
            self.sent[id_] = number
            self.people[number] = True

    @rule(number=st.integers(0, 3))
    def erase(self, number: int) -> None:
        """Whom nobody sent since, nobody knows."""
        known = self.people.pop(number, False)
        expected = ErasureOutcome.ERASED if known else ErasureOutcome.UNKNOWN_IDENTITY
        assert asyncio.run(self.registry.erase(3, number)) == expected
        self.erased += known

    @rule(keys=st.integers(2, 3), lives=st.integers(0, 6))
    def rotate(self, keys: int, lives: int) -> None:
        """Some batches, then a kill; or to the end."""
        self.registry.keyring.lives = lives
        ahead = self.registry.store.state.layers.newest > keys
        try:
            asyncio.run(self.registry.rotate(keys))
        except Killed:
            return
        except PermanentError:
            assert ahead

    @precondition(lambda self: self.registry.store.state.layers.oldest == self.registry.store.state.layers.newest)
    @invariant()
    def everyone_has_one_row(self) -> None:
        """Between rotations, of the key in use."""
        rows = self.registry.store.state.identities.values()
        assert len({row.holder for row in rows}) == len(self.people)

    @invariant()
    def everyone_is_one_person(self) -> None:
        """As many as were ever sent, and once more after each erasure."""
        assert len(self.registry.store.state.participants) == len(self.people) + self.erased


Rotating.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestRotating = Rotating.TestCase
