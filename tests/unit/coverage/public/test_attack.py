"""What the public is shown, of all regions, days and slices together, gives no hidden number back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.coverage.public import counts as public_counts
from services.coverage.public import viewer as public
from services.coverage.public.counts import people_of
from services.coverage.public.domain import suppression
from services.coverage.public.domain.month_ends import last_month_end
from services.coverage.public.domain.suppression import is_small
from services.coverage.public.flows import WINDOWS, is_shown
from services.coverage.public.viewer import PublicViewer, is_public
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from shared.contracts.changes import Change, State
from shared.regions.codes import lineage_of, regency_of
from tests.attack import LENGTHS, Attacker, Finding
from tests.factories_coverage import change, state
from tests.factories_reference import tree
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore, reader_of
from tests.ports.coverage.test_timelines import keep

VILLAGES = (
    "11.01.01.2001", "11.01.01.2002", "11.01.01.2003", "11.01.02.2001", "11.02.01.2001", "11.02.01.2002",
    "12.01.01.2001", "12.01.02.2001",
)  # fmt: skip
PLACES = (*VILLAGES, "11.01.01", "11.01", "11.02", "12.01.02")
CHILDREN = tree(*VILLAGES)
REGIONS = sorted({region for village in VILLAGES for region in lineage_of(village)})
IN_FULL = [region for region in REGIONS if is_public(region)]
NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
TODAY = NOW.date()
MONTH_ENDS = (date(2026, 9, 30), date(2026, 10, 31))
DAYS = sorted({TODAY, *(end - length for end in MONTH_ENDS for length in (timedelta(0), *LENGTHS.values()))})
"""Month ends, the days with which their windows begin, and today."""


async def shown(changes: Sequence[Change], known_at: date | None = None) -> Attacker:
    """Return an attacker who was shown everything of all the days."""
    store, clock = MemoryStore(), ManualClock(NOW)
    await keep(store, [*changes])
    viewer = reader_of(store, ReferenceIndex(), CHILDREN, clock)
    see, documents = PublicViewer(viewer, CHILDREN, clock), dict[tuple[str, date], dict[str, Any]]()
    for day in DAYS:
        regions = REGIONS if day in MONTH_ENDS and known_at is None else IN_FULL
        found = await see.documents(regions, AsOf(day, known_at))
        documents |= {(document["region"], day): document for document in found}
    return Attacker(documents, CHILDREN)


@st.composite
def _people(draw: st.DrawFn) -> list[Change]:
    """Draw some people of one place who came together, and what became of them."""
    came, later = sorted(draw(st.tuples(_days(), _days())))
    place, active = draw(st.sampled_from(PLACES)), draw(st.booleans())
    one = state(
        place,
        active=active,
        segment=draw(st.sampled_from(["BPU", "PU", "PMI"])),
        payer=draw(st.sampled_from(["self", "apbd_regency"])),
        groups=draw(st.sampled_from([(), ("vulnerable",)])),
    )
    fates: list[list[dict[str, Any]]] = [[], [{"kind": "ended", "before": one, "after": None}]]
    if active:
        lapsed = replace(one, active=False, paid_through=None, lapses_on=None)
        fates.append([{"kind": "lapsed", "before": one, "after": lapsed}])
    fates.append(_moved(one, draw(st.sampled_from([other for other in PLACES if other != place]))))
    steps = [change(kind="joined", after=one, effective_day=came, recorded_at=_recorded(came))]
    steps += [
        change(**fate, effective_day=later, recorded_at=_recorded(later)) for fate in draw(st.sampled_from(fates))
    ]
    return steps * draw(st.one_of(st.integers(1, 12), st.integers(10, 60)))


def _days() -> st.SearchStrategy[date]:
    after = {day + timedelta(days=1) for day in DAYS if day < TODAY}
    return st.sampled_from(sorted(after.union(DAYS)))


def _recorded(day: date) -> datetime:
    return datetime.combine(day, time(3), UTC)


def _moved(one: State, to: str) -> list[dict[str, Any]]:
    other = replace(one, region=to)
    if regency_of(to) == regency_of(one.region):
        return [{"kind": "moved", "before": one, "after": other}]
    return [
        {"kind": "moved", "before": one, "after": None, "counterpart": to},
        {"kind": "moved", "before": None, "after": other, "counterpart": one.region},
    ]


def people() -> st.SearchStrategy[list[Change]]:
    """Draw a small country."""
    return st.lists(_people(), min_size=1, max_size=14).map(lambda some: [change for part in some for change in part])


@settings(max_examples=15)
@given(people(), st.none() | st.sampled_from(DAYS))
async def test_nothing_hidden_can_be_computed(some: list[Change], known_at: date | None) -> None:
    """By no subtraction across children, levels, slices, windows and days; whatever is known by then."""
    assert (await shown(some, known_at)).findings() == []


def came(count: int, place: str, day: date = date(2026, 7, 1), **over: Any) -> list[Change]:
    """Return so many people who joined in a place."""
    return [change(effective_day=day, after=state(place, **over))] * count


FEW = [
    *came(3, "11.01.01.2001"), *came(40, "11.01.01.2002"), *came(50, "11.01.02.2001"),
    *came(60, "11.02.01.2001"), *came(60, "11.02.01.2002"), *came(70, "12.01.01.2001"), *came(70, "12.01.02.2001"),
]  # fmt: skip
ONES = [change for village in VILLAGES for change in came(2, village)]


def only_small(cells: dict[str, int], **_: Any) -> frozenset[str]:
    """Return the children of one to nine alone: suppression without the next smallest."""
    return frozenset(child for child, number in cells.items() if is_small(number))


async def test_the_attacker_finds_a_number_that_is_hidden_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A district less its other villages; so the attack is one."""
    assert (await shown(FEW)).findings() == []
    monkeypatch.setattr(suppression, "hidden_children", only_small)
    monkeypatch.setattr(public_counts, "hidden_people", only_small)
    found = (await shown(FEW)).findings()
    assert Finding(repr(("registered", "11.01.01.2001", MONTH_ENDS[0])), 3, 3) in found


async def test_the_attacker_finds_small_ones_from_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen people in eight villages are few in each."""
    assert (await shown(ONES)).findings() == []
    monkeypatch.setattr(public_counts, "hidden_people", suppression.hidden_children)
    assert any("11.01.01.2001" in finding.cell for finding in (await shown(ONES)).findings())


async def test_the_attacker_finds_how_few_there_were_from_who_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-five less the twenty of the window."""
    others = [*came(40, "11.02"), *came(30, "11.02", date(2026, 9, 20)), *came(50, "12.01.01.2001")]
    some = [*came(5, "11.01"), *came(20, "11.01", date(2026, 9, 20)), *others]
    assert (await shown(some)).findings() == []
    monkeypatch.setattr(public, "people_before", lambda snapshots, window: people_of(snapshots))
    found = (await shown(some)).findings()
    assert Finding(repr(("registered", "11.01", date(2026, 8, 31))), 5, 5) in found


def test_no_window_shown_is_made_of_others() -> None:
    """The days with which the windows of all month ends begin and end hang together as a tree, in 400 years."""
    above: dict[date, date] = {}

    def top(day: date) -> date:
        while day in above:
            day = above[day]
        return day

    for end in _month_ends(date(2000, 1, 31), date(2400, 12, 31)):
        for window in WINDOWS:
            if is_shown(window, end):
                one, other = top(end), top(end - LENGTHS[window])
                assert one != other, f"{window} to {end}"
                above[one] = other


def _month_ends(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        # 32 days from the first of the next month on are in the month after it.
        first = last_month_end(first + timedelta(days=1 + 32))
