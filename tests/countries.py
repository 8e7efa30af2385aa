"""Small countries drawn by a seed: people with their histories over some months, and the regions' numbers from them.

A country is a list of persons. A person is one state a month (None before they join and after they end), so that all
numbers of a month and all flows of it come from the same people, as they do in truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any, Final

from services.coverage.counting.domain.flows import FLOW_KINDS
from services.coverage.public.domain.hiding import Cells, Counted, Within
from services.coverage.public.domain.release import About, Month, Shown, document
from services.coverage.public.figures import groups_between
from services.coverage.public.hide import Before, Hiding
from services.coverage.reference.domain.quota import Village
from shared.contracts.snapshots import Count, Coverage, QuotaBoard
from shared.regions.codes import holds, level_of, lineage_of, parent_of

SLICES: Final = {
    "by_segment": ("BPU", "JAKON", "PMI", "PU"),
    "by_payer": ("apbd_regency", "employer", "self"),
    "by_group": ("village_official", "vulnerable"),
    "by_programme": ("JHT", "JKK", "JKM", "JP"),
}
QUOTA: Final = "vulnerable"
FIRST: Final = Month(2026, 8)
MONTHS: Final = 3


@dataclass(frozen=True)
class Person:
    """A person at the end of a month."""

    place: str
    segment: str
    payer: str
    groups: tuple[str, ...]
    programmes: tuple[str, ...]
    active: bool

    def has(self, name: str, value: str) -> bool:
        """Say whether a slice counts the person under a value."""
        own = {"by_segment": (self.segment,), "by_payer": (self.payer,)}
        return value in (own | {"by_group": self.groups, "by_programme": self.programmes})[name]


Life = tuple[Person | None, ...]
"""By month, beginning with the end of the month before the first release."""


@dataclass
class Country:
    """The villages, the lives of all people, and how many of a group each village must have."""

    villages: tuple[str, ...]
    lives: Sequence[Life]
    required: int
    regions: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.regions = sorted({one for village in self.villages for one in lineage_of(village)})

    def children(self, region: str) -> tuple[str, ...]:
        """Return the regions directly below."""
        return tuple(one for one in self.regions if parent_of(one) == region)

    def counted(self, region: str, month: int) -> Counted:
        """Return the numbers of a region at the end of a month; 1 is the first that has a release."""
        now = [life[month] for life in self.lives]
        here = [one for one in now if one is not None and holds(region, one.place)]
        unplaced = [one for one in here if one.place == region and level_of(region) != "village"]
        board = _board(self, region, here)
        if level_of(region) in ("district", "village"):
            at_least = self._at_least(region, here)
            return Counted(region, _count(here), _count(unplaced), quota=(board,), at_least=at_least)
        return Counted(
            region,
            _count(here),
            _count(unplaced),
            slices={
                name: {value: _count(one for one in here if one.has(name, value)) for value in values}
                for name, values in SLICES.items()
            },
            flows=_flows(region, [(life[month - 1], life[month], life[:month]) for life in self.lives]),
            quota=(board,),
            groups=self._groups(region, here) if level_of(region) == "regency" else {},
        )

    def _groups(self, regency: str, here: Sequence[Person]) -> dict[str, Within]:
        villages = [one for one in self.villages if holds(regency, one)]
        under = [Village(one, "active", self.required, _vulnerable(here, one)) for one in villages]
        below = [one for one in self.regions if holds(regency, one)]
        counted = {}
        for one in below:
            people = _count(person for person in here if person.place == one)
            counted[one] = Counted(one, people, people)
        return groups_between({QUOTA: under}, counted)

    def _at_least(self, region: str, here: Sequence[Person]) -> int:
        villages = [one for one in self.villages if holds(region, one)]
        met = [one for one in villages if _vulnerable(here, one) >= self.required]
        return self.required * len(met)

    def releases(self) -> list[dict[str, Shown]]:
        """Return the releases of all months, made one after the other, by region."""
        made = list[dict[str, Shown]]()
        for n in range(1, MONTHS + 1):
            counted = {region: self.counted(region, n) for region in self.regions}
            made.append(self._release(counted, n, made[-1] if made else {}))
        return made

    def _release(self, counted: Mapping[str, Counted], n: int, last: Mapping[str, Shown]) -> dict[str, Shown]:
        """Return one release, made as the service does: first down to the regencies, then regency by regency."""
        full = [region for region in self.regions if counted[region].slices]
        hiding = Hiding(self.children, Before.of(last[region] for region in full) if last else Before())

        def show(regions: Iterable[str]) -> Callable[[Cells], dict[str, Shown]]:
            return lambda hidden: {region: document(counted[region], _about(region, n), hidden) for region in regions}

        hidden = hiding.regions({region: counted[region] for region in full}, show(full))
        for regency in (region for region in full if level_of(region) == "regency"):
            below = [region for region in self.regions if holds(regency, region)]
            hidden |= hiding.places(regency, {region: counted[region] for region in below}, hidden, show(below))
        return show(self.regions)(hidden)


def draw(seed: int) -> Country:
    """Draw a country."""
    random = Random(seed)
    villages = tuple(
        f"{11 + p}.{r + 1:02d}.{d + 1:02d}.{2001 + v}"
        for p in range(random.randint(1, 3))
        for r in range(random.randint(1, 4))
        for d in range(random.randint(1, 2))
        for v in range(random.randint(1, 3))
    )
    country = Country(villages, (), random.choice([1, 5, 9, 10, 30, 100]))
    places = [one for one in country.regions if level_of(one) in ("regency", "district", "village")]
    weights = [4 if level_of(one) == "village" else 1 for one in places]
    few_kinds, lives = random.random() < 0.3, list[Life]()
    for _ in range(random.randint(1, 40)):
        (place,) = random.choices(places, weights)
        one = _person(random, place, few_kinds=few_kinds)
        size = random.choice([1, 1, 2, 3, 5, 9, 10, 15, 40, 120])
        for life in [_life(random, one, places) for _ in range(random.choice([1, 1, 2]))]:
            lives += [life] * size
    return replace(country, lives=lives)


def _person(random: Random, place: str, *, few_kinds: bool) -> Person:
    segment = random.choice(SLICES["by_segment"][:1] if few_kinds else SLICES["by_segment"])
    programmes = ["JKK", "JKM"]
    if segment != "JAKON" and random.random() < 0.4:
        programmes.append("JHT")
    if segment == "PU" and random.random() < 0.4:
        programmes.append("JP")
    groups = tuple(group for group in SLICES["by_group"] if random.random() < 0.4)
    payer = random.choice(SLICES["by_payer"])
    return Person(place, segment, payer, groups, tuple(sorted(programmes)), random.random() < 0.8)


def _life(random: Random, one: Person, places: Sequence[str]) -> Life:
    state: Person | None = one if random.random() < 0.8 else None
    life = [state]
    for _ in range(MONTHS):
        chance = random.random()
        if chance < 0.6:
            pass
        elif state is None:
            state = one
        elif chance < 0.75:
            state = replace(state, active=not state.active)
        elif chance < 0.85:
            state = None
        else:
            state = replace(state, place=random.choice(places))
        life.append(state)
    return tuple(life)


def _count(people: Iterable[Person]) -> Count:
    people = list(people)
    return Count(len(people), sum(one.active for one in people))


def _vulnerable(here: Iterable[Person], village: str) -> int:
    return sum(one.place == village and one.active and QUOTA in one.groups for one in here)


def _board(country: Country, region: str, here: Sequence[Person]) -> QuotaBoard:
    numbers = [_vulnerable(here, village) for village in country.villages if holds(region, village)]
    short = [n for n in numbers if n < country.required]
    return QuotaBoard(
        QUOTA, "active", country.required, len(numbers), len(numbers) - len(short), numbers.count(0),
        sum(country.required - n for n in short), sum(short),
    )  # fmt: skip


def _flows(region: str, moves: Iterable[tuple[Person | None, Person | None, Life]]) -> dict[str, Count]:
    people, active = Counter[str](), Counter[str]()
    for was, now, life in moves:
        one = was if was is not None and holds(region, was.place) else None
        two = now if now is not None and holds(region, now.place) else None
        if one is None and two is None:
            continue
        kind = _kind(was, now, one, two, life)
        change = int(two is not None and two.active) - int(one is not None and one.active)
        if kind is not None and (kind != "moved_within" or change):
            people[kind] += kind != "moved_within"
            active[kind] += change
    return {kind: Count(people[kind], active[kind]) for kind in FLOW_KINDS}


def _kind(was: Person | None, now: Person | None, one: Person | None, two: Person | None, life: Life) -> str | None:
    if was is None:
        return "rejoined" if any(life) else "joined"
    if now is None:
        return "ended"
    if was.place != now.place:
        return "moved_in" if one is None else "moved_out" if two is None else "moved_within"
    if was.active != now.active:
        return "lapsed" if was.active else "returned"
    return None


def _about(region: str, month: int) -> About:
    release = FIRST
    for _ in range(month - 1):
        release = release.next
    return About(
        release, date(2026, 12, 10), datetime(2026, 12, 10, tzinfo=UTC), region, level_of(region), "WIB",
        parent_of(region), {}, Coverage(), None,
    )  # fmt: skip


def plain(release: Mapping[str, Shown]) -> dict[str, dict[str, Any]]:
    """Return a release as a reader decodes it."""
    return {region: asdict(document) for region, document in release.items()}
