"""Invented people of Aceh and the facts about them: the same for the same figures, anchor and seed.

The anchor is the instant of the first play. The base enrols over the eighteen months before it and ends more than a
week earlier, so that the flow of seven days shows the rise alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from deploy.local.sample.figures import RISE_SHARES, Figures, allot
from deploy.local.sample.places import draw_place, village_counts
from deploy.local.sample.profiles import RISING, Profile, draw_profile
from shared.regions.codes import WIB

Fact = dict[str, Any]

SEED: Final = 20230930
SOURCES: Final = ("bpjs/aceh", "dinas/aceh")
_BASE_BEGINS: Final = timedelta(days=540)
_BASE_ENDS: Final = timedelta(days=8)
_MOST_MONTHS_PAID: Final = 24
"""A month further ahead of the fact would be refused as paid_through_out_of_range."""
_MONTHS_LEFT: Final = (3, 6)
"""Nobody lapses for three months, whatever the grace of their segment."""
_PAYS_LATER: Final = 0.2
_PAYS_WITHIN: Final = timedelta(days=30)
_OLDEST: Final = date(1968, 1, 1)
_YEARS_OF_BIRTH: Final = 37


@dataclass(frozen=True, slots=True)
class _Person:
    serial: int
    region: str
    enrolled_at: datetime
    profile: Profile


def base_facts(figures: Figures, anchor: datetime, seed: int = SEED) -> list[Fact]:
    """Return the facts that make `figures.registered` people registered and active, oldest first.

    About one in five enrols without `paid_through` and becomes active by a `contribution_paid` of its own.
    """
    chance = Random(f"{seed} base")  # noqa: S311 - a sample, no secret
    facts: list[Fact] = []
    for person in _base_people(figures, anchor, chance):
        facts.extend(_facts_of(person, anchor, chance))
    return sorted(facts, key=lambda fact: datetime.fromisoformat(fact["time"]))


def rise_facts(figures: Figures, anchor: datetime, seed: int = SEED) -> list[Fact]:
    """Return `figures.rise` further enrolments, paid, effective on the anchor's day and not after the anchor."""
    chance = Random(f"{seed} rise")  # noqa: S311 - a sample, no secret
    places = _scatter(allot(figures.rise, RISE_SHARES), chance)
    anchor = anchor.astimezone(WIB)
    morning = _midnight(anchor)
    return [
        _enrolled(
            _Person(figures.registered + n, place, morning + (anchor - morning) * n / figures.rise, RISING),
            chance,
            paid_through=_month(_months(anchor) + _MONTHS_LEFT[1]),
        )
        for n, place in enumerate(places)
    ]


def invented_nik(serial: int, birth: date, *, woman: bool) -> str:
    """Return a well-formed NIK that nobody holds: province 00 does not exist, and the serial makes it unique."""
    if not 0 <= serial < 1_000_000:
        raise ValueError(f"the invented NIKs end at a million, serial {serial} has none")
    day = birth.day + (40 if woman else 0)
    return f"0000{serial // 10_000:02d}{day:02d}{birth:%m%y}{serial % 10_000:04d}"


def _base_people(figures: Figures, anchor: datetime, chance: Random) -> Iterator[_Person]:
    """Give each regency its share by villages, more or less well covered, and each person a past instant."""
    uneven = {regency: count * chance.randint(60, 140) for regency, count in village_counts().items()}
    begins, ends = _midnight(anchor) - _BASE_BEGINS, _midnight(anchor) - _BASE_ENDS
    for serial, place in enumerate(_scatter(allot(figures.registered, uneven), chance)):
        yield _Person(serial, place, _between(begins, ends, chance), draw_profile(chance))


def _scatter(shares: dict[str, int], chance: Random) -> list[str]:
    places = [draw_place(regency, chance) for regency, share in shares.items() for _ in range(share)]
    chance.shuffle(places)
    return places


def _facts_of(person: _Person, anchor: datetime, chance: Random) -> Iterator[Fact]:
    paid = _months(anchor) + chance.randint(*_MONTHS_LEFT)
    if chance.random() >= _PAYS_LATER:
        yield _enrolled(person, chance, paid_through=_month(min(paid, _months(person.enrolled_at) + _MOST_MONTHS_PAID)))
        return
    enrolled = _enrolled(person, chance)
    last = _midnight(anchor) - _BASE_ENDS
    paid_at = _between(person.enrolled_at, min(person.enrolled_at + _PAYS_WITHIN, last), chance)
    month = _month(min(paid, _months(paid_at) + _MOST_MONTHS_PAID))
    yield enrolled
    yield _fact(
        f"paid-{person.serial:06d}",
        "bpjs/aceh",
        "contribution_paid",
        paid_at,
        {"identity": enrolled["data"]["identity"], "paid_through": month},
    )


def _enrolled(person: _Person, chance: Random, paid_through: str | None = None) -> Fact:
    profile = person.profile
    birth = _OLDEST + timedelta(days=chance.randrange(_YEARS_OF_BIRTH * 365))
    data = {
        "identity": {"scheme": "nik", "value": invented_nik(person.serial, birth, woman=chance.random() < 0.5)},
        "region": person.region,
        "segment": profile.segment,
        "groups": list(profile.groups),
        "payer": profile.payer,
        "programmes": list(profile.programmes),
    }
    if paid_through is not None:
        data["paid_through"] = paid_through
    return _fact(f"enrolled-{person.serial:06d}", profile.source, "enrolled", person.enrolled_at, data)


def _fact(fact_id: str, source: str, kind: str, moment: datetime, data: dict[str, Any]) -> Fact:
    return {
        "specversion": "1.0",
        "id": fact_id,
        "source": source,
        "type": f"cakupan.{kind}.v1",
        "time": moment.isoformat(timespec="seconds"),
        "data": data,
    }


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(WIB).replace(hour=0, minute=0, second=0, microsecond=0)


def _between(start: datetime, end: datetime, chance: Random) -> datetime:
    return start + (end - start) * chance.random()


def _months(moment: datetime) -> int:
    local = moment.astimezone(WIB)
    return local.year * 12 + local.month - 1


def _month(months: int) -> str:
    return f"{months // 12:04d}-{months % 12 + 1:02d}"
