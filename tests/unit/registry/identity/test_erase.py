"""Erasure: the person becomes unknown, the history stays."""

from __future__ import annotations

from typing import Any

import pytest

from services.registry.identity.erasure import Eraser, ErasureOutcome
from services.registry.identity.identity import Identity
from services.registry.intake.commit import Intake
from tests.factories_registry import NIK, at, event
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryStore

WHO = Identity("nik", NIK)
BY_NIK = {"scheme": "nik", "value": NIK}
CARD = {"scheme": "kpj", "value": "12345678901"}


class Registry:
    """An intake and an eraser over one memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = ManualClock(at("2026-11-21T10:00:00+07:00"))
        self._intake = Intake(self.store, SECRETS, self.clock, INTAKE_METRICS)
        self._eraser = Eraser(self.store, SECRETS, self.clock)

    async def take(self, *facts: dict[str, Any]) -> list[str]:
        now = self.clock.now()
        outcomes = await self._intake.decide_together([PARSER.parse_document(fact, now) for fact in facts])
        return [outcome.refusal.code if outcome.refusal else outcome.result for outcome in outcomes]

    async def erase(self, who: Identity = WHO, force: bool = False) -> tuple[str, int]:
        erased = await self._eraser.erase(who, by="operator", force=force)
        return erased.outcome, erased.identities

    def published(self) -> int:
        """Return how many registered the published changes add up to."""
        texts = [text for document in self.store.state.ledger for text in document["changes"]]
        return sum(
            int(text.split('"diff":')[1].split(",")[0]) * (('"before":null' in text) - ('"after":null' in text))
            for text in texts
        )


def short(type_: str, id_: str, time: str = "2026-10-10T08:00:00+07:00", **data: Any) -> dict[str, Any]:
    return event(type=f"cakupan.{type_}.v1", id=id_, time=time) | {"data": data}


ENDED = short("ended", "e", identity=BY_NIK)
LINKED = short("linked", "l", identity=BY_NIK, other=CARD)
PAID_BY_CARD = short("contribution_paid", "p", identity=CARD, paid_through="2026-12")


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def test_a_registered_person_is_erased_only_by_force(registry: Registry) -> None:
    """Without it nothing changes, and nothing is recorded."""
    await registry.take(event())
    assert await registry.erase() == (ErasureOutcome.STILL_REGISTERED, 0)
    assert registry.store.state.erasures == []
    assert await registry.take(event(source="dinas/aceh")) == ["accepted"]
    assert len(registry.store.state.participants) == 1
    assert await registry.erase(force=True) == (ErasureOutcome.ERASED, 1)


async def test_one_who_has_ended_is_erased_with_every_identity(registry: Registry) -> None:
    """By any of them, linked cards too; no hash of the person is left."""
    await registry.take(event(), LINKED, ENDED)
    assert await registry.erase(Identity("kpj", CARD["value"])) == (ErasureOutcome.ERASED, 2)
    assert registry.store.state.identities == {}
    assert await registry.erase() == (ErasureOutcome.UNKNOWN_IDENTITY, 0)


async def test_registered_is_judged_at_the_present_instant(registry: Registry) -> None:
    """An end in the future does not count yet, and one that has come does."""
    await registry.take(event(), short("ended", "e", "2026-12-01", identity=BY_NIK))
    assert await registry.erase() == (ErasureOutcome.STILL_REGISTERED, 0)
    registry.clock.set(at("2026-12-01T00:00:00+07:00"))
    assert await registry.erase() == (ErasureOutcome.ERASED, 1)


async def test_counts_stay_and_the_identity_comes_back_as_a_new_person(registry: Registry) -> None:
    """What was published stands; the same identity enrolled again is one more."""
    await registry.take(event())
    before = registry.published()
    await registry.erase(force=True)
    assert registry.published() == before == 1
    assert await registry.take(event(id="f-2")) == ["accepted"]
    assert (registry.published(), len(registry.store.state.participants)) == (2, 2)


async def test_a_card_is_unknown_again_after_its_person_was_erased(registry: Registry) -> None:
    """Until it is linked anew."""
    await registry.take(event(), LINKED)
    assert await registry.take(PAID_BY_CARD) == ["accepted"]
    await registry.erase(force=True)
    again = PAID_BY_CARD | {"id": "p2"}
    assert await registry.take(again) == ["unknown_card"]
    assert await registry.take(event(id="f-2"), LINKED | {"id": "l2"}, again) == ["accepted"] * 3


async def test_a_fact_of_an_erased_person_is_still_recognised(registry: Registry) -> None:
    """Sent again it is a duplicate, changed it is a conflict: it is not counted for a new person."""
    await registry.take(event())
    await registry.erase(force=True)
    assert await registry.take(event(), event(data={"segment": "PMI"})) == ["duplicate", "conflict"]


async def test_an_erased_person_goes_on_without_a_name(registry: Registry) -> None:
    """Facts are corrected by their (source, id), so the history can still be put right."""
    await registry.take(event())
    await registry.erase(force=True)
    assert await registry.take(short("corrected", "c", corrects="f-1", type="enrolled", void=True)) == ["accepted"]
    assert registry.published() == 0


async def test_an_identity_whose_facts_are_all_void_can_be_erased(registry: Registry) -> None:
    """It is known, though nobody is behind it."""
    await registry.take(event(), short("corrected", "c", corrects="f-1", type="enrolled", void=True))
    assert registry.store.state.participants == {}
    assert await registry.erase() == (ErasureOutcome.ERASED, 1)


async def test_parted_by_a_void_link_the_other_stays_known(registry: Registry) -> None:
    """Erasure is of a person; one who was linked to them by mistake is another."""
    other = {"scheme": "passport", "value": "A1234567"}
    await registry.take(event(), event(id="f-2", data={"identity": other}))
    await registry.take(short("linked", "l", identity=BY_NIK, other=other))
    await registry.take(short("corrected", "c", corrects="l", type="linked", void=True))
    assert await registry.erase(force=True) == (ErasureOutcome.ERASED, 1)
    assert await registry.take(event(id="f-3", data={"identity": other})) == ["accepted"]
    assert len(registry.store.state.participants) == 2


async def test_an_erasure_is_on_record_without_the_identity(registry: Registry) -> None:
    """Who asked, when, whether by force, which person."""
    await registry.take(event())
    await registry.erase(force=True)
    (erasure,) = registry.store.state.erasures
    (person,) = registry.store.state.participants
    assert (erasure.by, erasure.at, erasure.forced) == ("operator", registry.clock.now(), True)
    assert (erasure.person, set(erasure.holders)) == (person, {person})
    assert NIK not in repr(registry.store.state)
