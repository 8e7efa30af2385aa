"""Seeded streams of facts as badly behaved as upstream systems are: late, shuffled, repeated, corrected, linked.

The same seed gives the same stream around the same instant. Whatever the order, every fact of it is taken sooner or
later (one by a card is refused until the card was linked, and sent again), but of two with one id only the first.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from random import Random
from typing import Any, Final

from shared.regions.catalogue import catalogue

Event = dict[str, Any]

SOURCES: Final = ("bpjs/aceh", "dinas/aceh")
PROVINCES: Final = ("11", "31", "35", "51", "63", "71", "81", "92")
"""Of all three zones."""
_HISTORY: Final = timedelta(days=500)
_LATER: Final = {
    "contribution_paid": 10, "relocated": 3, "reclassified": 3, "ended": 2, "enrolled": 2, "linked": 2, "corrected": 3,
}  # fmt: skip
"""What may follow a first enrolment, by how often it does."""
_PROGRAMMES: Final[dict[str, list[list[str]]]] = {
    "PU": [["JKK", "JKM"], ["JHT", "JKK", "JKM"], ["JHT", "JKK", "JKM", "JKP", "JP"]],
    "BPU": [["JKK", "JKM"], ["JHT", "JKK", "JKM"], []],
    "PMI": [["JKK", "JKM"], ["JHT", "JKK", "JKM"]],
    "JAKON": [["JKK", "JKM"], ["JKK"]],
}


def written(seed: int, size: int, now: datetime) -> list[Event]:
    """Return that many facts, person by person; some of the next seconds, and some of next month."""
    author = _Author(Random(seed), f"s{seed}", now)
    while len(author.facts) < size:
        author.write_person()
    return author.facts[:size]


def arriving(seed: int, facts: list[Event]) -> list[Event]:
    """Return the facts in the order in which they arrive: shuffled, and one in twenty twice."""
    chance = Random(f"arriving {seed}")
    order = [*facts, *chance.sample(facts, k=len(facts) // 20)]
    chance.shuffle(order)
    return order


@cache
def places() -> tuple[str, ...]:
    """Return regencies, districts and villages, so that people move across zones, provinces, and within a regency."""
    regencies = [regency for province in PROVINCES for regency in catalogue().children(province)[:2]]
    districts = [district for regency in regencies for district in catalogue().children(regency)[:2]]
    return (*regencies, *districts, *(village for one in districts for village in catalogue().children(one)[:3]))


class _Author:
    """Writes everything that is said of one person after another."""

    def __init__(self, chance: Random, name: str, now: datetime) -> None:
        self.facts: list[Event] = []
        self._chance = chance
        self._name = name
        self._now = now
        self._cards = 0
        self._people: list[Event] = []
        self._known_as: list[Event] = []
        self._own: list[Event] = []

    def write_person(self) -> None:
        """Write an enrolment and up to a dozen facts more."""
        number = len(self._people)
        nik = {"scheme": "nik", "value": f"{110101 + number // 9999}150190{number % 9999 + 1:04d}"}
        self._people.append(nik if self._often(0.9) else {"scheme": "passport", "value": f"a{number:07d}"})
        self._known_as, self._own = [self._people[-1]], []
        later = self._chance.choices(list(_LATER), list(_LATER.values()), k=self._chance.randint(1, 13))
        for type_ in ("enrolled", *later):
            if type_ == "corrected":
                self._correct()
            else:
                self._own.append(self._fact(type_, self._data(type_)))
                self._contradict(self._own[-1])

    def _fact(self, type_: str, data: Event, source: str | None = None) -> Event:
        fact = {
            "specversion": "1.0",
            "id": f"{self._name}-{len(self.facts)}",
            "source": source or self._chance.choice(SOURCES),
            "type": f"cakupan.{type_}.v1",
            "time": self._time(),
            "data": data,
        }
        self.facts.append(fact)
        return fact

    def _data(self, type_: str) -> Event:
        """Return what a fact of the type may say, by one of the identities the person is known by so far."""
        who = {"identity": self._chance.choice(self._known_as)}
        match type_:
            case "enrolled":
                segment = self._chance.choice(list(_PROGRAMMES))
                return who | {"region": self._place(), "segment": segment} | self._some(segment, self._month())
            case "contribution_paid":
                payer = {"payer": "csr"} if self._often(0.2) else {}
                return who | {"paid_through": self._month()} | payer
            case "relocated":
                return who | {"region": self._place()}
            case "reclassified":
                segment = self._chance.choice(list(_PROGRAMMES))
                named = {"segment": segment} | self._some(segment)
                return who | {name: named[name] for name in self._chance.sample(list(named), k=1)}
            case "linked":
                return {"identity": who["identity"], "other": self._other(who["identity"])}
        return who

    def _some(self, segment: str, month: str | None = None) -> Event:
        """Return some of the attributes that need not be named."""
        every = {
            "groups": self._chance.sample(["vulnerable", "non_asn", "village_official"], k=self._chance.randint(0, 2)),
            "payer": self._chance.choice(["self", "employer", "apbd_regency"]),
            "programmes": self._chance.choice(_PROGRAMMES[segment]),
            "paid_through": month,
        }
        return {name: value for name, value in every.items() if value is not None and self._often(0.6)}

    def _other(self, one: Event) -> Event:
        """Return what an identity is linked with: mostly a new card, now and then another person's identity."""
        if self._often(0.2) and self._people[0] != one:
            return next(who for who in self._chance.sample(self._people, k=2 if self._people[1:] else 1) if who != one)
        self._cards += 1
        self._known_as.append({"scheme": "kpj", "value": f"{self._cards:011d}"})
        return self._known_as[-1]

    def _correct(self) -> None:
        """Void or replace one of the person's facts; a few corrections are of another type, or of no fact at all."""
        wrong = self._chance.choice(self._own)
        type_ = wrong["type"].split(".")[1] if self._often(0.95) else "ended"
        data: Event = {"corrects": wrong["id"] if self._often(0.95) else f"{wrong['id']}-never", "type": type_}
        if self._often(0.4):
            data["void"] = True
        else:
            data["replacement"] = {"data": self._data(type_)} | ({"time": self._time()} if self._often(0.5) else {})
        self._fact("corrected", data, wrong["source"])

    def _contradict(self, fact: Event) -> None:
        """Now and then, write another fact under the same id: which of the two is taken is the first to arrive."""
        if "paid_through" in fact["data"] and self._often(0.03):
            other = fact["data"] | {"paid_through": self._month()}
            self.facts.append(fact | {"data": other, "time": self._time()})

    def _time(self) -> str:
        """Return an instant of the last years: of another fact, of the start of a month, of a day, or any."""
        zone = timezone(timedelta(hours=self._chance.choice([0, 7, 8, 9])))
        at = (self._now - self._chance.random() * _HISTORY).astimezone(zone)
        match self._chance.choices(["any", "same", "month", "day", "soon", "later"], [60, 14, 10, 15, 0.4, 0.6])[0]:
            case "same" if self._own:
                return str(self._chance.choice(self._own)["time"])
            case "month":
                at = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            case "day":
                return at.date().isoformat()
            case "soon":
                at = self._now + timedelta(seconds=self._chance.uniform(2, 12))
            case "later":
                at = self._now + timedelta(days=self._chance.uniform(20, 40))
        return at.isoformat(timespec="milliseconds")

    def _month(self) -> str:
        """Return a month of the last years, or of the next: never two years after a time that a fact may have."""
        months = (self._now - _HISTORY).year * 12 + (self._now - _HISTORY).month + self._chance.randint(-6, 22)
        return f"{months // 12}-{months % 12 + 1:02d}"

    def _place(self) -> str:
        return self._chance.choice(places())

    def _often(self, share: float) -> bool:
        return self._chance.random() < share
