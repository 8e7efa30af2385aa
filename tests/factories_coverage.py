"""Valid changes for coverage's tests; a test states only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import Flows, summed, windowed
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.profiles import CountedState, Lapse, Profile, lapse_code, profile_code
from shared.adapters.kafka_producer import partition_for
from shared.contracts.changes import Change, Kind, State
from shared.contracts.snapshots import Count, Coverage, Snapshot
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import WIB, level_of, parent_of, regency_of, zone_name

VILLAGE = "11.01.02.2003"
NEIGHBOUR = "11.01.02.2004"
OTHER_REGENCY = "11.02.01.2001"
OTHER_PROVINCE = "92.08.01.2002"
PLACES = (VILLAGE, NEIGHBOUR, "11.01.02", "11.01", OTHER_REGENCY, "11.02", OTHER_PROVINCE)
RECORDED_AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)


def partition(region: str = VILLAGE) -> int:
    """Return the partition of changes that owns the region."""
    return partition_for(regency_of(region), PARTITIONS)


def state(region: str = VILLAGE, *, active: bool = True, **over: Any) -> State:
    """Return a registered BPU worker in a village of Aceh."""
    values: dict[str, Any] = {
        "segment": "BPU",
        "groups": (),
        "payer": "self",
        "programmes": ("JKK", "JKM"),
        "registered": True,
        "paid_through": "2026-12" if active else None,
        "lapses_on": date(2027, 4, 1) if active else None,
    }
    return State(region=region, active=active, **(values | over))


def counted_too(part: str, tally: Tally) -> dict[str, object]:
    """Return an update by which a document of counters tells more of one of its parts than was counted."""
    return {"$push": {"people": msgspec.msgpack.encode({part: tally})}}


def change(seq: int = 0, kind: str = "joined", **over: Any) -> Change:
    """Return the joining of an active worker."""
    values: dict[str, Any] = {
        "diff": 1,
        "change_id": f"{seq:032x}",
        "effective_at": RECORDED_AT,
        "effective_day": TODAY,
        "recorded_at": RECORDED_AT,
        "source": "bpjs/aceh",
        "counterpart": None,
        "before": None,
        "after": state(),
    }
    return Change(seq=seq, kind=Kind(kind), **(values | over))


def snapshot(region: str = "11", people: int = 0, **over: Any) -> Snapshot:
    """Return the snapshot of a region with so many active people, about which nothing else is known."""
    values: dict[str, Any] = {
        "name": f"name of {region}", "level": level_of(region), "time_zone": zone_name(region),
        "parent": parent_of(region), "registered": people, "active": people, "unplaced": Count(), "potential": {},
        "coverage": Coverage(), "flows": windowed({}, TODAY), "as_of": RECORDED_AT, "recorded_at": RECORDED_AT,
        "position": 1,
    }  # fmt: skip
    return Snapshot(region=region, **(values | over))


def joined(count: int, region: str = VILLAGE, *, first: int = 0, active: bool = True) -> list[Change]:
    """Return that many people joining in a place, numbered on from `first`."""
    return [change(first + n, after=state(region, active=active)) for n in range(count)]


def counted(change: Change) -> CountedChange:
    """Return the part of the change that is counted, by the contract's `Change`."""
    return CountedChange(
        change.seq, change.diff, change.kind.value, change.effective_day, change.recorded_at.astimezone(WIB).date(),
        change.recorded_at, change.source, change.counterpart, _counted(change.before), _counted(change.after),
    )  # fmt: skip


def _counted(of: State | None) -> CountedState | None:
    if of is None:
        return None
    profile = profile_code(Profile(of.segment, of.groups, of.payer, of.programmes, of.active))
    lapse = lapse_code(Lapse(of.lapses_on, of.payer, of.groups)) if of.active and of.lapses_on else None
    return CountedState(of.region, profile, lapse)


def by_day(flows: Flows) -> dict[tuple[date, str], Count]:
    """Return people (as `registered`) and change in active by day and kind."""
    days = {day for of_code in flows.values() for day in of_code}
    found = {date.fromordinal(day): summed(flows, date.fromordinal(day), date.fromordinal(day)) for day in days}
    return {(day, kind): count for day, kinds in found.items() for kind, count in kinds.items() if count != Count()}


def value(of: Change, **over: Any) -> bytes:
    """Return the change as it stands on the topic; a value of `...` takes a field out."""
    document = msgspec.to_builtins(of) | over
    return msgspec.json.encode({name: given for name, given in document.items() if given is not ...})


@st.composite
def _states(draw: st.DrawFn) -> State:
    """Draw a person in some place, as something, active or not."""
    attributes: dict[str, Any] = {
        "segment": draw(st.sampled_from(["BPU", "PU"])),
        "groups": draw(st.sampled_from([(), ("vulnerable",), ("non_asn", "vulnerable")])),
        "payer": draw(st.sampled_from(["self", "apbd_regency"])),
        "programmes": draw(st.sampled_from([("JKK", "JKM"), ("JHT", "JKK", "JKM")])),
    }
    active = draw(st.booleans())
    if active:
        attributes["lapses_on"] = draw(st.sampled_from([date(2027, 1, 1), date(2027, 4, 1)]))
    return state(draw(st.sampled_from(PLACES)), active=active, **attributes)


@st.composite
def _transitions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw what may happen to one person, as the registry would put it: a move across regencies in two halves."""
    one, other = draw(_states()), draw(_states())
    lapsed = replace(one, active=False, paid_through=None, lapses_on=None)
    active = replace(one, active=True, paid_through="2026-12", lapses_on=date(2027, 4, 1))
    moved: dict[str, Any] = {"kind": "moved", "before": one, "after": other}
    if regency_of(one.region) != regency_of(other.region):
        halves = [{"after": None, "counterpart": other.region}, {"before": None, "counterpart": one.region}]
        return [moved | half for half in halves]
    return draw(
        st.sampled_from(
            [
                [{"kind": "joined", "after": one}],
                [{"kind": "rejoined", "after": one}],
                [{"kind": "ended", "before": one, "after": None}],
                [{"kind": "lapsed", "before": active, "after": lapsed}],
                [{"kind": "returned", "before": lapsed, "after": active}],
                [{"kind": "paid", "before": one, "after": one}],
                [{"kind": "reclassified", "before": one, "after": replace(one, groups=("election_officer",))}],
                [moved if one.region != other.region else {"kind": "joined", "after": one}],
            ]
        )
    )


@st.composite
def _published(draw: st.DrawFn) -> list[Change]:
    """Draw a transition as it is published: when, of whom, or taken back."""
    shared: dict[str, Any] = {
        "diff": draw(st.sampled_from([1, -1])),
        "effective_day": TODAY - timedelta(days=draw(st.integers(0, 100))),
        "recorded_at": RECORDED_AT + timedelta(milliseconds=draw(st.integers(0, 40 * 86_400_000))),
        "source": draw(st.sampled_from(["bpjs/aceh", "dinas/aceh", "clock"])),
    }
    return [change(**transition, **shared) for transition in draw(_transitions())]


def changes() -> st.SearchStrategy[list[Change]]:
    """Draw some changes, in no order; both halves of a move are among them."""
    return st.lists(_published(), max_size=20).map(lambda lists: [change for some in lists for change in some])
