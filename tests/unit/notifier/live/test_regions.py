"""A region whose snapshot is packed is the same region."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.engine.decisions import Decision
from services.notifier.engine.engine import Engine
from services.notifier.engine.events import Event, OfficialsGiven, RulesGiven
from services.notifier.engine.world import Mark, Region, World
from services.notifier.files.snapshots import pack
from services.notifier.live.regions import PackedRegion
from tests.alerts_scenarios import scenario
from tests.alerts_trace import lines_of, read_all, traced
from tests.factories_notifier import child, snapshot
from tests.unit.notifier.engine.test_laws import SEEDS


@given(st.integers(0, 10**9))
def test_a_snapshot_is_read_back(active: int) -> None:
    """However many others are read in between."""
    shot = snapshot(active)
    region: Region = PackedRegion(shot, Mark(1, 2), 3, 4)
    others = [PackedRegion(child("11.01", number), Mark(1, 2), 3, 4) for number in range(100)]
    assert [other.snapshot.active for other in others] == list(range(100))
    assert region.snapshot == shot


def test_potentials_are_those_of_the_snapshot() -> None:
    """Whether it is unpacked or not, and of several bases."""
    both = snapshot(7).potential | {"vulnerable": replace(snapshot(7).potential["workers"], value=0)}
    for shot in (snapshot(7), snapshot(7, potential_workers=None), snapshot(7, potential=both)):
        held: Region = PackedRegion(shot, Mark(1, 2), 3, 4)
        stored: Region = PackedRegion(pack(shot), Mark(1, 2), 3, 4)  # type: ignore[arg-type]  # as a store gives it
        plain = Region(shot, Mark(1, 2), 3, 4)
        assert held.potentials == stored.potentials == plain.potentials
        assert plain.potentials == {basis: potential.value for basis, potential in shot.potential.items()}


def test_a_region_that_changes_all_the_time_has_its_newest_snapshot() -> None:
    """It is held once for each change, and letting go of an older one does no harm."""
    region: Region = PackedRegion(child("11.01", 0), Mark(1, 2), 3, 4)
    for number in range(1, 200):
        shot = child("11.01", number)
        region.snapshot = shot
        assert region.snapshot == shot


@given(SEEDS)
def test_packing_changes_no_decision(seed: int) -> None:
    """A world with packed regions decides as one without."""
    rules, officials, events = scenario(seed)
    read_rules, read_officials, read = read_all(rules, officials, events)
    engine, decisions = Engine(World(PackedRegion)), list[Decision]()
    begin: list[tuple[int, Event]] = [
        (read[0][0], RulesGiven(read_rules)),
        (read[0][0], OfficialsGiven(read_officials)),
    ]
    for at, event in begin + read:
        decisions += engine.apply(at, event)
    assert lines_of(decisions) == traced(rules, officials, events)
