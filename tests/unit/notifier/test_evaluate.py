"""One crossing makes one alert, whatever is repeated, late or restarted."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.application.alerts import AlertState
from services.notifier.application.evaluate import Evaluator, SnapshotBatch
from services.notifier.application.judge import Judge
from services.notifier.domain.hysteresis import Phase, Reason
from services.notifier.domain.officials import Official
from services.notifier.domain.rules import Rule
from shared.contracts.snapshots import Snapshot
from shared.runtime.errors import FencedError, TransientError
from tests.factories_notifier import NOW, aceh_at_40, child, official, rule, snapshot
from tests.fakes import ManualClock
from tests.fakes_notifier import MemoryStore, ReadableMetrics

HOLD = timedelta(minutes=10)


class World:
    """An evaluator over a memory store; `restart` forgets everything but the store."""

    def __init__(self, *rules: Rule, officials: tuple[Official, ...] = (official(),)) -> None:
        self.rules = {each.id: each for each in rules or (rule(),)}
        self.officials = officials
        self.store = MemoryStore()
        self.clock = ManualClock(NOW + timedelta(days=1))
        self.metrics = ReadableMetrics()
        self.woken = 0
        self.restart()

    def restart(self) -> None:
        """Make a new evaluator over the same store."""
        new_judge = partial(Judge, self.officials, ["email"], self.clock)
        self.evaluator = Evaluator(self.store, self.rules, new_judge, self.clock, self.metrics, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def give(self, *snapshots: Snapshot) -> None:
        """Give the snapshots as the next batch of partition 0."""
        stands = self.store.memory.positions[0]
        await self.evaluator.evaluate([SnapshotBatch(0, stands, stands + len(snapshots), snapshots)])

    @property
    def alerts(self) -> list[tuple[int, AlertState]]:
        """Episode and state of every alert."""
        return [(alert.episode, alert.state) for alert in self.store.memory.alerts.values()]


async def test_a_crossing_makes_one_alert_and_one_delivery_to_its_recipient() -> None:
    """The governor of the region gets it, the neighbour does not; the deliverer is woken once."""
    world = World(officials=(official(), official(id="gubernur-sumut", region="12")))
    await world.give(snapshot(6_517, 1), snapshot(6_843, 2))
    assert world.alerts == []
    await world.give(snapshot(6_844, 3), snapshot(6_900, 4))
    assert world.alerts == [(1, AlertState.FIRING)]
    (delivery,) = world.store.memory.deliveries.values()
    (alert,) = world.store.memory.alerts.values()
    assert (delivery.alert, delivery.official, delivery.channel) == (alert.id, "gubernur-aceh", "email")
    assert (alert.figure.numerator, alert.raised_at, world.woken) == (6_844, NOW + timedelta(seconds=3), 1)
    assert world.metrics.reasons == {Reason.UNCHANGED: 2, Reason.IN_BAND: 1, Reason.RAISED: 1}


LEVELS = st.lists(st.sampled_from([6_000, 6_671, 6_672, 6_673, 6_800, 6_844, 7_000]), min_size=1, max_size=15)


@given(LEVELS, st.lists(st.integers(0, 14), max_size=30), st.integers(0, 15))
async def test_repeats_stale_snapshots_and_restarts_add_nothing(
    actives: list[int], repeats: list[int], restart_at: int
) -> None:
    """Alerts, transitions and deliveries are the same as without them."""
    sequence = [snapshot(active, position) for position, active in enumerate(actives)]
    plain, disturbed = World(), World()
    for each in sequence:
        await plain.give(each)
    for position, each in enumerate(sequence):
        if position == restart_at:
            disturbed.restart()
        await disturbed.give(each, *(sequence[old] for old in repeats if old <= position))
    for part in ("alerts", "transitions", "states", "snapshots"):
        assert getattr(disturbed.store.memory, part) == getattr(plain.store.memory, part)
    assert disturbed.store.memory.deliveries.keys() == plain.store.memory.deliveries.keys()


async def test_raised_again_only_after_it_was_cleared() -> None:
    """In the band nothing happens; under 39 % the alert clears, and the next crossing is a second alert."""
    world = World()
    await world.give(*(snapshot(active, n) for n, active in enumerate([6_844, 6_800, 6_844, 6_672, 6_844, 6_844])))
    assert world.alerts == [(1, AlertState.CLEARED), (2, AlertState.FIRING)]
    assert [each.reason for each in world.store.memory.transitions] == [Reason.RAISED, Reason.CLEARED, Reason.RAISED]


async def test_a_batch_whose_commit_failed_is_evaluated_again_and_alerts_once() -> None:
    """Nothing of the first attempt is kept."""
    world = World()
    world.store.fail_next = True
    with pytest.raises(TransientError):
        await world.give(snapshot(6_844))
    assert (world.alerts, world.woken, world.metrics.reasons) == ([], 0, {})
    await world.give(snapshot(6_844))
    assert (world.alerts, world.woken) == ([(1, AlertState.FIRING)], 1)


async def test_a_batch_from_an_old_position_is_fenced() -> None:
    """A replica that has lost the partition writes nothing."""
    world = World()
    await world.give(snapshot(6_000))
    with pytest.raises(FencedError):
        await world.evaluator.evaluate([SnapshotBatch(0, 0, 1, [snapshot(6_844, 2)])])
    assert world.alerts == []


async def test_catching_up_is_kept_and_not_judged() -> None:
    """Once coverage has caught up, the next snapshot is judged."""
    world = World()
    await world.give(snapshot(7_000, 2, catching_up=True))
    assert (world.alerts, world.metrics.reasons) == ([], {Reason.CATCHING_UP: 1})
    assert world.store.memory.snapshots["11"].active == 7_000
    await world.give(snapshot(7_000, 2, at=NOW + timedelta(seconds=9)))
    assert world.alerts == [(1, AlertState.FIRING)]


@pytest.mark.parametrize("potential", [None, 0])
async def test_without_a_denominator_nothing_is_decided(potential: int | None) -> None:
    """No potential, or one of 0."""
    world = World()
    await world.give(snapshot(7_000, potential_workers=potential))
    assert (world.alerts, world.metrics.reasons) == ([], {Reason.NO_DENOMINATOR: 1})


async def test_older_snapshots_are_dropped() -> None:
    """By position, then by time of counting; the same snapshot again is dropped too."""
    world = World()
    newest = snapshot(6_000, 5, at=NOW)
    await world.give(newest, newest, snapshot(7_000, 4), snapshot(7_000, 5, at=NOW - timedelta(seconds=1)))
    assert (world.alerts, world.metrics.value("notifier_records_total", outcome="stale")) == ([], 3)
    assert world.store.memory.snapshots["11"] == newest


async def test_a_hold_time_ends_without_a_further_snapshot() -> None:
    """Time alone raises the alert, but not before the partition has been read to its end."""
    world = World(rule(hold_for=HOLD))
    world.clock.set(NOW)
    await world.give(snapshot(6_844, at=NOW))
    assert [state.phase for state in world.store.memory.states.values()] == [Phase.PENDING]
    world.clock.advance(HOLD - timedelta(seconds=1))
    await world.evaluator.end_holds(lambda _: True)
    assert world.alerts == []
    world.clock.advance(timedelta(seconds=1))
    await world.evaluator.end_holds(lambda _: False)
    assert world.alerts == []
    await world.evaluator.end_holds(lambda _: True)
    await world.evaluator.end_holds(lambda _: True)
    assert (world.alerts, world.woken) == ([(1, AlertState.FIRING)], 1)
    assert next(iter(world.store.memory.alerts.values())).raised_at == NOW + HOLD


async def test_snapshots_read_late_are_judged_by_their_own_time() -> None:
    """Read at once after an outage, ten minutes at 40 % raise an alert, nine do not."""
    world = World(rule(hold_for=HOLD))
    for minutes, active in ((0, 6_844), (9, 6_844), (9.5, 6_800), (20, 6_844), (30, 6_844)):
        await world.give(snapshot(active, int(minutes * 2), at=NOW + timedelta(minutes=minutes)))
    assert [alert.raised_at for alert in world.store.memory.alerts.values()] == [NOW + timedelta(minutes=30)]


async def test_a_snapshot_from_the_future_is_judged_now() -> None:
    """A clock that runs ahead cannot end a hold time."""
    world = World(rule(hold_for=HOLD))
    world.clock.set(NOW)
    await world.give(snapshot(6_844, 1, at=NOW), snapshot(6_844, 2, at=NOW + timedelta(days=9)))
    assert world.alerts == []


async def test_villages_are_kept_only_where_a_rule_needs_them() -> None:
    """A rule watches the villages, or the region directly above them."""
    village = child("11.01.01.2001", 5)
    plain = World()
    await plain.give(village, child("11.01.01", 5))
    assert plain.store.memory.snapshots.keys() == {"11.01.01"}
    for levels in ({"village"}, {"district"}):
        needing = World(rule(levels=frozenset(levels), regions=frozenset({"11.01"})))
        await needing.give(village, child("12.01.01.2001", 5))
        assert needing.store.memory.snapshots.keys() == {"11.01.01.2001"}


async def test_an_alert_without_recipients_is_kept() -> None:
    """It can be read, and no delivery is made."""
    world = World(officials=())
    region, _ = aceh_at_40()
    await world.give(region)
    assert (world.alerts, world.store.memory.deliveries, world.woken) == ([(1, AlertState.FIRING)], {}, 0)
