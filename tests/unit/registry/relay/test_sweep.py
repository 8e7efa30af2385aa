"""The clock: lapses and facts of the future, effective at their own instant."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from services.registry.intake.commit import Intake
from services.registry.intake.parsing import Parser
from services.registry.relay.clock import LEASE_FOR, Sweeper
from shared.regions.catalogue import catalogue
from shared.runtime.errors import TransientError
from tests.factories_registry import at, raw
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, SECRETS, SWEEP_METRICS, MemoryOutbox, MemoryStore


class Registry:
    """Intake and sweepers over one store, on one clock."""

    def __init__(self, start: str) -> None:
        self.clock, self.store = ManualClock(at(start)), MemoryStore()
        self.leases = MemoryOutbox(self.store)
        self.woken = 0

    def sweeper(self, holder: str = "one") -> Sweeper:
        return Sweeper(self.store, self.leases, holder, SECRETS.change, self.clock, SWEEP_METRICS, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def take(self, **over: Any) -> None:
        candidate = Parser(catalogue(), SECRETS.content).parse(raw(**over), self.clock.now())
        await Intake(self.store, SECRETS, self.clock, INTAKE_METRICS).decide_together([candidate])

    def changes(self) -> list[dict[str, Any]]:
        return [json.loads("{" + change) for entry in self.store.state.ledger for change in entry["changes"]]


async def test_a_lapse_is_published_by_the_clock_at_its_own_instant_however_late() -> None:
    """Swept in July, effective on 1 April at midnight of the region's zone, recorded when swept."""
    registry = Registry("2026-01-10T08:00:00+07:00")
    await registry.take(time="2026-01-10T08:00:00+07:00", data={"paid_through": "2025-12"})
    assert not await registry.sweeper().sweep()
    assert [change["kind"] for change in registry.changes()] == ["joined"]
    registry.clock.set(at("2026-07-01T12:00:00+07:00"))
    await registry.sweeper().sweep()
    lapsed = registry.changes()[-1]
    assert (lapsed["kind"], lapsed["source"], lapsed["diff"]) == ("lapsed", "clock", 1)
    assert (lapsed["effective_at"], lapsed["effective_day"]) == ("2026-03-31T17:00:00Z", "2026-04-01")
    assert lapsed["recorded_at"] == "2026-07-01T05:00:00Z"
    assert registry.woken == 1


async def test_sweeping_again_changes_nothing() -> None:
    """Who was swept is no longer due."""
    registry = Registry("2026-01-10T08:00:00+07:00")
    await registry.take(time="2026-01-10T08:00:00+07:00", data={"paid_through": "2025-12"})
    registry.clock.advance(timedelta(days=200))
    for _ in range(3):
        await registry.sweeper().sweep()
    assert [change["kind"] for change in registry.changes()] == ["joined", "lapsed"]


async def test_a_fact_of_the_future_takes_effect_when_the_clock_reaches_it() -> None:
    """And its lapse becomes due then."""
    registry = Registry("2026-01-10T08:00:00+07:00")
    await registry.take(time="2026-02-01", data={"paid_through": "2026-01"})
    assert registry.changes() == []
    registry.clock.set(at("2026-02-01T00:00:00+07:00"))
    await registry.sweeper().sweep()
    assert [change["kind"] for change in registry.changes()] == ["joined"]
    registry.clock.set(at("2026-05-01T00:00:00+07:00"))
    await registry.sweeper().sweep()
    assert [change["kind"] for change in registry.changes()] == ["joined", "lapsed"]


async def test_only_the_holder_of_the_lease_sweeps_and_another_takes_over() -> None:
    """A dead sweeper is replaced once its lease has run out."""
    registry = Registry("2026-01-10T08:00:00+07:00")
    await registry.take(time="2026-01-10T08:00:00+07:00", data={"paid_through": "2025-12"})
    await registry.sweeper("dead").sweep()
    registry.clock.set(at("2026-04-01T00:00:00+07:00"))
    await registry.sweeper("dead-before-it-could").sweep()
    registry.clock.advance(LEASE_FOR)
    await registry.sweeper("two").sweep()
    assert [change["kind"] for change in registry.changes()] == ["joined", "lapsed"]


async def test_after_trouble_the_sweep_goes_on_where_it_stood() -> None:
    """Who is due stays due."""
    registry = Registry("2026-01-10T08:00:00+07:00")
    await registry.take(time="2026-01-10T08:00:00+07:00", data={"paid_through": "2025-12"})
    registry.clock.advance(timedelta(days=200))
    registry.store.fail_next = True
    sweeper = registry.sweeper()
    with pytest.raises(TransientError):
        await sweeper.sweep()
    await sweeper.sweep()
    assert [change["kind"] for change in registry.changes()] == ["joined", "lapsed"]
