"""Snapshots as of any day, known at any day, against the definition in semantics.md."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from services.coverage.counting.domain.region_counts import Period, Timeline, Version
from services.coverage.reading import snapshots as module
from services.coverage.reading.derived import Deriver
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.changes import Change
from shared.contracts.snapshots import Count, Snapshot
from tests.factories_coverage import RECORDED_AT, TODAY, VILLAGE, change, changes, state
from tests.factories_reference import index_of, row
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore, reader_of
from tests.ports.coverage.test_timelines import DAY, REGIONS, keep, until

ASKED = (AsOf(TODAY - 30 * DAY, TODAY + 10 * DAY), AsOf(TODAY, TODAY), AsOf(TODAY - 95 * DAY))


class TimelinesRead(MemoryStore):
    """Notes the regions of which a timeline was read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def timelines(
        self, regions: Collection[str], period: Period, known: Mapping[str, Version] | None = None
    ) -> dict[str, Timeline]:
        lines = await super().timelines(regions, period, known)
        self.read += lines
        return lines


def reader(store: MemoryStore, day: date = TODAY + 60 * DAY, reference: ReferenceIndex | None = None) -> SnapshotReader:
    """Return a reader on a day that is the same in all three zones."""
    clock = ManualClock(datetime.combine(day, time(3), UTC))
    return reader_of(store, reference or ReferenceIndex(), lambda _: (), clock)


def counts(snapshot: Snapshot) -> Snapshot:
    """Return what of a snapshot a day has; the rest is of now."""
    return replace(
        snapshot, as_of=RECORDED_AT, recorded_at=None, position=0, fed_at={}, due={},
    )  # fmt: skip


async def test_a_day_has_its_own_potential_and_time_and_no_due(store: MemoryStore) -> None:
    """Versions in force that day of those known then; who lapses is known of now only, and left out."""
    await keep(store, [change(0, effective_day=TODAY - 20 * DAY)])
    reference = index_of(
        row(POTENTIALS, VILLAGE, "workers", 40, TODAY - 40 * DAY),
        row(POTENTIALS, VILLAGE, "workers", 50, TODAY - 40 * DAY, version=2, recorded_at=RECORDED_AT),
        row(POTENTIALS, VILLAGE, "workers", 60, TODAY - 2 * DAY, version=3),
    )
    see = reader(store, reference=reference)
    (now,) = await see.snapshots([VILLAGE])
    (then,) = await see.snapshots([VILLAGE], AsOf(TODAY - 5 * DAY))
    (as_known,) = await see.snapshots([VILLAGE], AsOf(TODAY - 5 * DAY, TODAY - DAY))
    assert [shot.potential["workers"].value for shot in (now, then, as_known)] == [60, 50, 40]
    assert [bool(shot.due) for shot in (now, then)] == [True, False]
    assert (then.fed_at, then.recorded_at, then.catching_up) == ({}, None, False)
    assert then.as_of.isoformat() == "2026-11-16T23:59:59+07:00"


async def test_today_ends_now(store: MemoryStore) -> None:
    """A day that is not over is shown as of the instant."""
    (shot,) = await reader(store, TODAY).snapshots(["ID"], AsOf(TODAY))
    assert shot.as_of == datetime.combine(TODAY, time(3), UTC)


async def test_a_day_is_kept_until_something_is_counted_or_a_target_comes() -> None:
    """Then it is read anew: a late fact changes the day, and a target asks for the days before it."""
    store, reference, at = TimelinesRead(), index_of(), AsOf(TODAY)
    await keep(store, [change(0, effective_day=TODAY - 40 * DAY)])
    see = reader(store, reference=reference)

    async def shown() -> tuple[int, list[str], Snapshot]:
        store.read.clear()
        (shot,) = await see.snapshots(["11"], at)
        return shot.active, [*store.read], shot

    assert [(await shown())[:2] for _ in range(2)] == [(1, ["11"]), (1, [])]
    await keep(store, [change(1, effective_day=TODAY - 5 * DAY)])
    assert [(await shown())[:2] for _ in range(2)] == [(2, ["11"]), (2, [])]
    reference.add([row(POTENTIALS, "11", "workers", 40, TODAY - 400 * DAY)])
    path = TargetPath((PathPoint(TODAY - 400 * DAY, Decimal("0.1")), PathPoint(TODAY + 400 * DAY, Decimal("0.5"))))
    reference.add([row(TARGETS, "11", "workers active", path, TODAY - 400 * DAY)])
    assert (await shown())[1] == ["11"]
    _, read, shot = await shown()
    assert (read, len(shot.forecast)) == ([], 1)


async def test_a_snapshot_is_completed_once_while_all_stays(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time alone makes nothing anew but `as_of`. Counts, reference data and catching up do; so does a day without
    boards, which is not kept."""
    completed, complete = list[str](), Deriver.complete

    def noted(self: Deriver, counted: Snapshot, *rest: Any, **named: Any) -> Snapshot:
        completed.append(counted.region)
        return complete(self, counted, *rest, **named)

    monkeypatch.setattr(Deriver, "complete", noted)
    behind, reference, clock = set[str](), ReferenceIndex(), ManualClock()
    await keep(store, [change(0)])
    read = reader_of(store, reference, lambda _: (), clock, catching_up=behind.__contains__)

    async def anew(at: AsOf | None = None, *, with_boards: bool = True) -> list[str]:
        completed.clear()
        shown = await read.snapshots(["11", VILLAGE], at, with_boards=with_boards)
        assert at or [shot.as_of for shot in shown] == [clock.now()] * 2
        return [*completed]

    assert await anew() == ["11", VILLAGE]
    clock.advance(timedelta(seconds=30))
    assert await anew() == []
    await keep(store, [change(1)])
    assert await anew() == ["11", VILLAGE]
    reference.add([row(POTENTIALS, VILLAGE, "workers", 40)])
    assert await anew() == ["11", VILLAGE]
    behind.add("11")
    assert await anew() == ["11"]
    assert await anew(AsOf(TODAY)) == ["11", VILLAGE]
    assert await anew(AsOf(TODAY), with_boards=False) == ["11", VILLAGE]
    assert await anew(AsOf(TODAY)) == []


async def test_only_the_days_read_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third one drives out the first."""
    monkeypatch.setattr(module, "_PAST_KEPT", 2)
    store = TimelinesRead()
    await keep(store, [change(0)])
    see = reader(store)
    for ago in (0, 1, 0, 2, 0, 1):
        await see.snapshots(["11"], AsOf(TODAY - ago * DAY))
    assert store.read == ["11"] * 4


async def test_before_the_data_there_is_nobody(store: MemoryStore) -> None:
    """On the first day of the calendar too."""
    await keep(store, [change(0)])
    for day in (date.min, date(1977, 12, 5), TODAY - DAY):
        (shot,) = await reader(store).snapshots(["ID"], AsOf(day))
        assert (shot.registered, shot.by_segment, shot.flows["90d"]["joined"]) == (0, {}, Count())


@given(changes())
async def test_a_day_is_what_its_own_changes_make(some: list[Change]) -> None:
    """CountedChange then from those changes alone that were effective and known, every number is the same."""
    whole = MemoryStore()
    await keep(whole, some)
    for at in ASKED:
        part = MemoryStore()
        await keep(part, until(some, at.day, at.known_at or date.max))
        now = await reader(part, at.day).snapshots(REGIONS)
        then = await reader(whole).snapshots(REGIONS, at)
        assert [*map(counts, then)] == [*map(counts, now)]


async def test_places_of_other_zones_are_read_by_the_same_days(store: MemoryStore) -> None:
    """A day asked about is each region's own."""
    await keep(store, [change(0, after=state("92.08.01.2002"), effective_day=TODAY - timedelta(days=3))])
    shown = await reader(store).snapshots(["92", "ID"], AsOf(TODAY - 3 * DAY))
    assert [(shot.registered, shot.as_of.utcoffset()) for shot in shown] == [
        (1, timedelta(hours=9)), (1, timedelta(hours=7)),
    ]  # fmt: skip


async def test_the_state_changes_with_whatever_a_snapshot_depends_on(store: MemoryStore) -> None:
    """Time alone changes nothing. Counts, reference data, a day, catching up and an overdue forecast do."""
    behind, reference, clock = set[str](), ReferenceIndex(), ManualClock()
    read = reader_of(store, reference, lambda _: (), clock, catching_up=behind.__contains__)
    seen: list[object] = []

    async def changed() -> bool:
        """Read the state twice with a snapshot in between, which the second must not notice."""
        states = [await read.state(["ID", "11"])]
        await read.snapshots(["ID", "11"])
        states.append(await read.state(["ID", "11"]))
        assert states[0] == states[1]
        seen.append(states[0])
        return len(seen) < 2 or seen[-2] != seen[-1]

    path = TargetPath((PathPoint(date(2045, 12, 31), Decimal("0.9")),))
    assert await changed()
    clock.advance(timedelta(seconds=30))
    assert not await changed()
    await keep(store, [change(0)])
    assert await changed()
    reference.add([row(TARGETS, "11", "workers active", path)])
    assert await changed()
    behind.add("11")
    assert await changed()
    await keep(store, [change(1)])
    assert await changed()
    clock.advance(timedelta(hours=1))
    assert await changed()
    assert not await changed()
    clock.advance(timedelta(days=1))
    assert await changed()
