"""The counts of a set of facts, straight from semantics.md: slow, obvious, and sharing no code with the registry.

Facts are CloudEvents as they were sent and accepted. Nothing here is told in which order, by which way or how often
they arrived. A measure is `registered`, `active`, or one of these within a class, such as `active segment BPU`.
"""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Protocol

Event = dict[str, Any]
Counts = Counter[tuple[str, str, date]]
"""(region, measure, effective day) → by how many it went up that day; zeros left out."""

APPLIED = ["ended", "enrolled", "reclassified", "relocated", "contribution_paid"]
GRACE = {"PU": 3, "BPU": 3, "JAKON": 0, "PMI": 0}
ALLOWED = {
    "PU": {"JKK", "JKM", "JHT", "JP", "JKP"}, "BPU": {"JKK", "JKM", "JHT"}, "PMI": {"JKK", "JKM", "JHT"},
    "JAKON": {"JKK", "JKM"},
}  # fmt: skip
WITA = {"51", "52", "53", "63", "64", "65", *(str(n) for n in range(71, 77))}
WIB = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class State:
    """A registered person at an instant."""

    region: str
    segment: str
    groups: frozenset[str]
    payer: str
    programmes: frozenset[str]
    paid_through: str | None
    active: bool = False
    lapses_on: date | None = None


@dataclass(frozen=True)
class Said:
    """What stands of a fact after its corrections."""

    at: datetime
    type: str
    source: str
    id: str
    data: Event


def counts(facts: Iterable[Event], now: datetime) -> Counts:
    """Return what the definition says, at this instant, of exactly these facts."""
    total: Counts = Counter()
    for person in people(standing(list(facts))):
        for day, before, after in transitions(person, now):
            for state, sign in ((before, -1), (after, 1)):
                for region, measure in counted(state) if state else ():
                    total[region, measure, day] += sign
    return Counter({key: number for key, number in total.items() if number})


class Counted(Protocol):
    """What of a state is counted."""

    @property
    def region(self) -> str: ...
    @property
    def segment(self) -> str: ...
    @property
    def payer(self) -> str: ...
    @property
    def groups(self) -> Iterable[str]: ...
    @property
    def programmes(self) -> Iterable[str]: ...
    @property
    def active(self) -> bool: ...


def counted(state: Counted) -> Iterator[tuple[str, str]]:
    """Yield every (region, measure) that a person in this state counts in."""
    classes = ["", f" segment {state.segment}", f" payer {state.payer}"]
    classes += [f" group {group}" for group in state.groups] + [f" programme {one}" for one in state.programmes]
    parts = state.region.split(".")
    for region in ["ID", *(".".join(parts[:n]) for n in range(1, len(parts) + 1))]:
        for class_ in classes:
            yield region, "registered" + class_
            if state.active:
                yield region, "active" + class_


def standing(facts: Sequence[Event]) -> list[Said]:
    """Return what stands in the place of each fact; corrections are looked for one fact at a time."""
    corrections: defaultdict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for fact in facts:
        if short(fact) == "corrected":
            corrections[fact["source"], fact["data"]["corrects"], fact["data"]["type"]].append(fact)
    found = []
    for fact in facts:
        if short(fact) == "corrected":
            continue
        data, time = fact["data"], fact["time"]
        of_it = corrections[fact["source"], fact["id"], short(fact)]
        if of_it:
            holds = max(of_it, key=lambda one: (instant(one["time"]), one["id"]))["data"]
            if holds.get("void"):
                continue
            data, time = holds["replacement"]["data"], holds["replacement"].get("time", time)
        found.append(Said(instant(time), short(fact), fact["source"], fact["id"], data))
    return found


def people(facts: Sequence[Said]) -> list[list[Said]]:
    """Return the facts of each person: identities joined by links, again and again until nothing joins any more."""
    person = {who(fact.data["identity"]): who(fact.data["identity"]) for fact in facts}
    links = [(who(one.data["identity"]), who(one.data["other"])) for one in facts if one.type == "linked"]
    person |= {other: other for _, other in links}
    joined = True
    while joined:
        joined = False
        for one, other in links:
            least = min(person[one], person[other])
            if (person[one], person[other]) != (least, least):
                person[one] = person[other] = least
                joined = True
    sets: defaultdict[tuple[str, str], list[Said]] = defaultdict(list)
    for fact in facts:
        if fact.type != "linked":
            sets[person[who(fact.data["identity"])]].append(fact)
    return list(sets.values())


def transitions(facts: Sequence[Said], now: datetime) -> Iterator[tuple[date, State | None, State | None]]:
    """Yield (effective day, before, after) at each instant up to now at which the state is another than before it.

    The state at any instant is that of all facts up to it; it can only change where a fact is, or where a state that
    some fact made lapses.
    """
    moments = {fact.at for fact in facts if fact.at <= now}
    lapses = {lapse(state) for moment in moments if (state := state_at(facts, moment)) and state.paid_through}
    before, last_day = None, date.min
    for moment in sorted(moments | {at for at in lapses if at <= now}):
        after = state_at(facts, moment)
        if after != before:
            days = [moment.astimezone(zone(state.region)).date() for state in (before, after) if state]
            last_day = max(last_day, *days)
            yield last_day, before, after
        before = after


def state_at(facts: Sequence[Said], moment: datetime) -> State | None:
    """Return what all facts up to the instant make of the person."""
    known = [fact for fact in facts if fact.at <= moment]
    state: State | None = None
    paid_before: list[str] = []
    for fact in sorted(known, key=lambda fact: (fact.at, APPLIED.index(fact.type), fact.source, fact.id)):
        data = fact.data
        if fact.type == "ended":
            state, paid_before = None, []
        elif fact.type == "enrolled":
            months = [state.paid_through] if state else paid_before
            state = enrolled(data, [*months, data.get("paid_through")])
            paid_before = []
        elif fact.type == "contribution_paid" and state is None:
            paid_before.append(data["paid_through"])
        elif state is not None:
            state = changed(state, fact)
    if state is None or state.paid_through is None or moment >= lapse(state):
        return state
    return with_(state, active=True, lapses_on=lapse(state).astimezone(zone(state.region)).date())


def enrolled(data: Event, months: Sequence[str | None]) -> State:
    """Return the state that an enrolment makes, with the latest of the months."""
    by_default = "employer" if data["segment"] in ("PU", "JAKON") else "self"
    return State(
        region=data["region"],
        segment=data["segment"],
        groups=frozenset(data.get("groups", ())),
        payer=data.get("payer", by_default),
        programmes=frozenset(data.get("programmes", ("JKK", "JKM"))),
        paid_through=max((month for month in months if month), default=None),
    )


def changed(state: State, fact: Said) -> State:
    """Return the state of one who is registered after a payment, a move or a reclassification."""
    data = fact.data
    if fact.type == "contribution_paid":
        if state.paid_through and state.paid_through >= data["paid_through"]:
            return state
        return with_(state, paid_through=data["paid_through"], payer=data.get("payer", state.payer))
    if fact.type == "relocated":
        return with_(state, region=data["region"])
    segment = data.get("segment", state.segment)
    kept = state.programmes if segment == state.segment else state.programmes & ALLOWED[segment]
    return with_(
        state,
        segment=segment,
        groups=frozenset(data["groups"]) if "groups" in data else state.groups,
        payer=data.get("payer", state.payer),
        programmes=frozenset(data["programmes"]) if "programmes" in data else kept,
    )


def with_(state: State, **new: Any) -> State:
    """Return the state with some of it new."""
    return State(**(vars(state) | new))


def lapse(state: State) -> datetime:
    """Return the first day of the month (paid through + grace + 1), at 00:00 in the zone of the region."""
    assert state.paid_through is not None
    year, month = (int(part) for part in state.paid_through.split("-"))
    for _ in range(GRACE[state.segment] + 1):
        days = calendar.monthrange(year, month)[1]
        following = date(year, month, 1) + timedelta(days=days)
        year, month = following.year, following.month
    return datetime(year, month, 1, tzinfo=zone(state.region)).astimezone(UTC)


def zone(region: str) -> timezone:
    """Return the region's zone, by its province."""
    province = region[:2]
    return timezone(timedelta(hours=8 if province in WITA else 9 if int(province) >= 81 else 7))


def instant(time: str) -> datetime:
    """Return the instant, cut to milliseconds; a date alone is 00:00 WIB."""
    parsed = datetime.fromisoformat(time)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=WIB)
    return parsed.astimezone(UTC).replace(microsecond=parsed.microsecond // 1000 * 1000)


def who(identity: Event) -> tuple[str, str]:
    """Return scheme and value."""
    return identity["scheme"], identity["value"].upper()


def short(fact: Event) -> str:
    """Return the type's short name."""
    name: str = fact["type"].split(".")[1]
    return name
