"""Invented people and the facts about them: the same for the same figures, anchor and seed.

The anchor is the instant of the first play. The base enrols over the eighteen months before it; some of these people
pay later, some lapse and pay again. Nothing happens in the last week, so that the flow of seven days shows the rise
alone. At the anchor everybody who is registered is active.

The people of Tanah Bumbu are beside Aceh's figures: a budget for 3,000 of them ends, and villages have a quota of 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from deploy.local.sample import aceh
from deploy.local.sample.aceh import Figures, Profile
from shared.regions.codes import WIB

Fact = dict[str, Any]

SEED: Final = 20230930
"""Any number does; this one is the date of the published figures."""
BUDGET_ENDS: Final = "63.10"
"""Tanah Bumbu's budget has paid for the last time: all for whom it pays lapse at the beginning of the next month."""
_PAID_BY_BUDGET, _PAYING_THEMSELVES = 3_000, 400
BUDGET_PEOPLE: Final = _PAID_BY_BUDGET + _PAYING_THEMSELVES
"""Everybody in Tanah Bumbu."""
_VILLAGES: Final = 32
"""So many of the 152 have people whom the budget pays for: every fourth of these about 54, the others about 107."""
_BUDGET_SERIALS: Final = 900_000
"""Far from the serials of Aceh's people."""
_GRACE_MONTHS: Final = {"PU": 3, "BPU": 3, "JAKON": 0, "PMI": 0}
_RETURN, _PAY_LATER, _LAPSE_SOON = 0.02, 0.22, 0.03
"""Below the first share people lapse and return, from there to the second they pay later, above they pay at once."""


def base_facts(figures: Figures, anchor: datetime, seed: int = SEED) -> list[Fact]:
    """Return the facts, by time, after which exactly `figures.registered` people are registered, all of them active."""
    return _by_time(fact for history in histories(figures.registered, anchor, seed) for fact in history)


def histories(people: int, anchor: datetime, seed: int = SEED) -> Iterator[list[Fact]]:
    """Yield the facts about each person of the base, the enrolment first."""
    chance = Random(f"{seed} base")  # noqa: S311 - a sample, no secret
    uneven = {regency: count * chance.randint(60, 140) for regency, count in aceh.village_counts().items()}
    for serial, place in enumerate(_scatter(aceh.allot(people, uneven), chance)):
        yield list(_history(serial, place, anchor, chance))


def budget_facts(anchor: datetime, seed: int = SEED) -> list[Fact]:
    """Return the enrolments of Tanah Bumbu, by time; everybody is active until the next month begins, or longer."""
    chance = Random(f"{seed} budget")  # noqa: S311 - a sample, no secret
    villages = [one for one in aceh.villages(BUDGET_ENDS) if one[9] == "2"][::4][:_VILLAGES]
    shares = {village: 1 if n % 4 == 3 else 2 for n, village in enumerate(villages)}
    # A play in the last hours of a month must not see them lapse on the way.
    ends = _months(anchor + timedelta(hours=3)) + 1
    people = [(v, aceh.BUDGET, ends) for v, n in aceh.allot(_PAID_BY_BUDGET, shares).items() for _ in range(n)]
    # The other villages have nobody: a release would hide a few people, and with them whether a quota is met.
    places = chance.choices([BUDGET_ENDS, *villages], k=_PAYING_THEMSELVES)
    people += [(place, aceh.THEMSELVES, ends + chance.randint(2, 5)) for place in places]
    first, last = _day(anchor, -400), _day(anchor, -40)
    return _by_time(
        _enrolled(_BUDGET_SERIALS + n, place, _between(first, last, chance), profile, chance, lapses)
        for n, (place, profile, lapses) in enumerate(people)
    )


def rise_facts(figures: Figures, anchor: datetime, seed: int = SEED) -> list[Fact]:
    """Return `figures.rise` further enrolments, paid, effective on the anchor's day and not after the anchor."""
    chance = Random(f"{seed} rise")  # noqa: S311 - a sample, no secret
    morning, lapses = _day(anchor), _months(anchor) + 6
    step = (anchor - morning) / figures.rise
    return [
        _enrolled(figures.registered + n, place, morning + step * n, aceh.RISING, chance, lapses)
        for n, place in enumerate(_scatter(aceh.allot(figures.rise, aceh.RISE_SHARES), chance))
    ]


def invented_nik(serial: int, birth: date, *, woman: bool) -> str:
    """Return a well-formed NIK that nobody holds: province 00 does not exist, and the serial makes it unique."""
    if not 0 <= serial < 1_000_000:
        raise ValueError(f"the invented NIKs end at a million, serial {serial} has none")
    day = birth.day + (40 if woman else 0)
    return f"0000{serial // 10_000:02d}{day:02d}{birth:%m%y}{serial % 10_000:04d}"


def draw_nik(serial: int, chance: Random) -> str:
    """Return the invented NIK of a person of working age."""
    birth = date(1968, 1, 1) + timedelta(days=chance.randrange(37 * 365))
    return invented_nik(serial, birth, woman=chance.random() < 0.5)


def _history(serial: int, place: str, anchor: datetime, chance: Random) -> Iterator[Fact]:
    """Yield the facts about one person of the base."""
    profile, course, last = aceh.draw_profile(chance), chance.random(), _day(anchor, -8)
    lapses = _lapses(profile, anchor, chance)
    at = _between(_day(anchor, -540), _day(anchor, -300) if course < _RETURN else last, chance)
    if course < _RETURN:
        lapsed_at = (_day(anchor).replace(day=1) - timedelta(1)).replace(day=1)
        first = _enrolled(serial, place, at, profile, chance, _months(lapsed_at))
        paid_at = lapsed_at + timedelta(days=chance.randint(2, 19))
    elif course < _PAY_LATER:
        first = _enrolled(serial, place, at, profile, chance)
        paid_at = _between(at, min(at + timedelta(days=30), last), chance)
    else:
        yield _enrolled(serial, place, at, profile, chance, lapses)
        return
    data = {"identity": first["data"]["identity"], **_paid_until(lapses, profile)}
    yield first
    yield _fact(f"paid-{serial:06d}", "bpjs/aceh", "contribution_paid", paid_at, data)


def _lapses(profile: Profile, anchor: datetime, chance: Random) -> int:
    """Return the month at whose beginning the person lapses if nobody pays; it begins after the anchor's next day."""
    soonest = _months(anchor + timedelta(days=1)) + 1
    if chance.random() >= _LAPSE_SOON:
        return soonest + chance.randint(3, 5)
    # No budget of Aceh's ends next month: in a small regency its few people would be an alert.
    return soonest + chance.randint(0 if profile.payer == "self" else 1, 2)


def _paid_until(lapses: int, profile: Profile) -> dict[str, str]:
    months = lapses - _GRACE_MONTHS[profile.segment] - 1
    return {"paid_through": f"{months // 12:04d}-{months % 12 + 1:02d}"}


def _enrolled(
    serial: int, region: str, at: datetime, profile: Profile, chance: Random, lapses: int | None = None
) -> Fact:
    """Return an enrolment; `lapses` is the month at whose beginning the person lapses, None if nothing is paid."""
    data = {
        "identity": {"scheme": "nik", "value": draw_nik(serial, chance)},
        "region": region,
        "segment": profile.segment,
        "groups": list(profile.groups),
        "payer": profile.payer,
        "programmes": list(profile.programmes),
        **({} if lapses is None else _paid_until(lapses, profile)),
    }
    return _fact(f"enrolled-{serial:06d}", profile.source, "enrolled", at, data)


def _fact(fact_id: str, source: str, kind: str, at: datetime, data: dict[str, Any]) -> Fact:
    time = at.astimezone(WIB).isoformat(timespec="seconds")
    about = {"specversion": "1.0", "id": fact_id, "source": source, "type": f"cakupan.{kind}.v1", "time": time}
    return {**about, "data": data}


def _scatter(shares: Mapping[str, int], chance: Random) -> list[str]:
    """Return a place for each person of each regency's share, shuffled."""
    places = [aceh.draw_place(regency, chance) for regency, share in shares.items() for _ in range(share)]
    chance.shuffle(places)
    return places


def _by_time(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: str(fact["time"]))


def _day(anchor: datetime, days: int = 0) -> datetime:
    """Return the beginning of the day so many days from the anchor's."""
    return anchor.astimezone(WIB).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


def _between(start: datetime, end: datetime, chance: Random) -> datetime:
    return start + (end - start) * chance.random()


def _months(at: datetime) -> int:
    """Return the number of the month, counted from year 0."""
    local = at.astimezone(WIB)
    return local.year * 12 + local.month - 1
