"""The figures of a release before anything is hidden: laws of any people, and what boards tell of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.counting.domain.position import Position
from services.coverage.public.domain.hiding import Counted
from services.coverage.public.domain.release import Month
from services.coverage.public.figures import Abouts, Figures, groups_between, same_values
from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.quota import QUOTAS, Quota, Village
from services.coverage.reference.domain.reference import ReferenceIndex
from shared.contracts.changes import Change
from shared.contracts.snapshots import Count
from shared.regions.catalogue import catalogue
from shared.regions.codes import regency_of
from tests.factories_coverage import (
    NEIGHBOUR,
    OTHER_PROVINCE,
    OTHER_REGENCY,
    VILLAGE,
    change,
    changes,
    partition,
    state,
)
from tests.factories_reference import index_of, row, tree
from tests.fakes_coverage import MemoryStore
from tests.ports.coverage.test_store import flush

CHILDREN = tree(VILLAGE, NEIGHBOUR, OTHER_REGENCY, OTHER_PROVINCE)
NOVEMBER = Month(2026, 11)
BEFORE = date(2026, 10, 5)
SLICES = ("by_segment", "by_payer")


async def read(some: Sequence[Change], reference: ReferenceIndex, month: Month = NOVEMBER) -> dict[str, Counted]:
    """Return the figures of every region, made of these changes."""
    store, by_partition = MemoryStore(), defaultdict[str, list[Change]](list)
    for one in some:
        place = one.after or one.before
        assert place is not None
        by_partition[regency_of(place.region)].append(one)
    for regency, of_it in by_partition.items():
        at = (await store.checkpoints())[partition(regency)].position
        await store.apply([flush(of_it, Position(at.next_seq, at.next_offset), regency)])
    found: dict[str, Counted] = {}
    async with Figures(store, reference, CHILDREN).of(month) as reading:
        provinces = []
        for province in CHILDREN("ID"):
            regencies = []
            for regency in CHILDREN(province):
                family = await reading.regency(regency)
                found |= {one.region: one for one in family}
                regencies.append(family[0])
            provinces.append(await reading.above(province, regencies))
        found |= {one.region: one for one in [*provinces, await reading.above("ID", provinces)]}
    return found


@given(changes())
def test_a_parent_is_the_sum_of_its_children_and_its_unplaced(some: list[Change]) -> None:
    """At every level, by each measure and each value of a slice; and slices that part the people add up to them."""
    found = asyncio.run(read(some, ReferenceIndex()))
    for region, one in found.items():
        below = [found[child] for child in CHILDREN(region)]
        if below:
            assert one.people.registered == sum(c.people.registered for c in below) + one.unplaced.registered
            assert one.people.active == sum(c.people.active for c in below) + one.unplaced.active
        for name in SLICES if one.slices else ():
            assert sum(each.registered for each in one.slices[name].values()) == one.people.registered
            assert sum(each.active for each in one.slices[name].values()) == one.people.active


async def test_they_are_of_the_end_of_the_month() -> None:
    """Who joined later counts nowhere, and flows are those of the month alone."""
    number = count()
    days = [date(2026, 9, 30), *[date(2026, 10, 31)] * 2, *[date(2026, 11, 1)] * 4]
    some = [change(next(number), effective_day=day) for day in days]
    found = await read(some, ReferenceIndex(), Month(2026, 10))
    assert (found[VILLAGE].people, found["ID"].people) == (Count(3, 3), Count(3, 3))
    assert found["11.01"].flows["joined"] == Count(2, 2)
    assert (found[VILLAGE].flows, found[VILLAGE].slices) == ({}, {})


async def test_boards_and_what_they_tell_are_of_the_villages_under_a_quota() -> None:
    """Two of three vulnerable workers in one village, none in the other; above, the sums."""
    quota = index_of(row(QUOTAS, "11.01", "vulnerable", Quota("active", 2, ("desa",)), date(2026, 1, 1)))
    some = [change(n, effective_day=BEFORE, after=state(VILLAGE, groups=("vulnerable",))) for n in range(3)]
    found = await read(some, quota)
    (village,), (neighbour,), (nation,) = (found[region].quota for region in (VILLAGE, NEIGHBOUR, "ID"))
    assert (village.passing, neighbour.passing, neighbour.gap) == (1, 0, 2)
    assert (nation.villages, nation.passing, nation.at_zero, nation.gap) == (2, 1, 1, 2)
    assert (found[VILLAGE].at_least, found[NEIGHBOUR].at_least) == (2, 0)
    assert (found["11.01"].groups["vulnerable"].inside, found["11.02"].groups) == (3, {})


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), min_size=1, max_size=6),
    st.integers(1, 20),
)
def test_what_boards_tell_of_a_group_is_true(villages: list[tuple[int, int, bool]], required: int) -> None:
    """The people of the group inside villages are within the bounds that everybody knows, whoever else lives there."""
    places = [f"11.01.02.{2001 + n}" for n in range(len(villages))]
    everybody = {place: members + others for place, (members, others, _) in zip(places, villages, strict=True)}
    under = [
        Village(place, "active", required, members)
        for place, (members, _, under_quota) in zip(places, villages, strict=True)
        if under_quota
    ]
    counted = {place: Counted(place, Count(n, n)) for place, n in everybody.items()}
    district = {"11.01.02": Counted("11.01.02", Count(sum(everybody.values()) + 4, 0), Count(4, 4))}
    found = groups_between({"vulnerable": under} if under else {}, counted | district)
    if under:
        within = found["vulnerable"]
        least, most = within.by_boards
        assert least <= sum(members for members, _, _ in villages) <= most <= within.inside == sum(everybody.values())
        assert within.outside == 4


def test_quotas_of_two_measures_tell_nothing_together() -> None:
    """Active people of one village and registered people of another have no common bound."""
    under = [Village(VILLAGE, "active", 1, 2), Village(NEIGHBOUR, "registered", 1, 2)]
    assert groups_between({"vulnerable": under}, {}) == {}


VALUES = st.dictionaries(st.sampled_from(["BPU", "JAKON", "PMI", "PU"]), st.integers(1, 50))


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_every_region_has_a_place_for_every_value(slices: list[dict[str, int]]) -> None:
    """Which values a region has would say who is not there; no number changes by it."""
    counted = [
        Counted(
            f"11.{n:02d}", Count(), slices={"by_segment": {value: Count(people, 0) for value, people in one.items()}}
        )
        for n, one in enumerate(slices)
    ]
    same = same_values(counted)
    assert len({tuple(one.slices["by_segment"]) for one in same}) == 1
    for before, after in zip(counted, same, strict=True):
        people = {value: n for value, n in after.slices["by_segment"].items() if n != Count()}
        assert people == before.slices["by_segment"]
    assert same_values(same) == same


def test_designated_villages_are_counted_above_them() -> None:
    """A village says whether it is one; where none is at all, nothing is said of it."""
    designated = index_of(row(DESIGNATIONS, VILLAGE, "designated", 1, date(2026, 9, 1)))
    abouts = Abouts(NOVEMBER, date(2026, 12, 10), designated, CHILDREN, catalogue().name)
    said = {region: abouts.of(Counted(region, Count())).designation for region in (VILLAGE, NEIGHBOUR, "11", "ID")}
    assert [one and (one.designated, one.villages) for one in said.values()] == [
        (True, None), (False, None), (None, 1), (None, 1)
    ]  # fmt: skip
    nothing = Abouts(NOVEMBER, date(2026, 12, 10), ReferenceIndex(), CHILDREN, catalogue().name)
    assert nothing.of(Counted(VILLAGE, Count())).designation is None
