"""The engine's state, in pieces as they are stored: per region, per (rule, region), per digest, per silence.

What follows from them (what is due when, which alerts hold something back) is an index, made anew on loading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from services.notifier.engine.decisions import HeldReason, Occasion
from services.notifier.engine.directory import Directory, Role
from services.notifier.engine.kinds import Reading, SideOf, compiled
from services.notifier.engine.rules import Rule, Silent
from services.notifier.engine.states import Phase
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import Level, holds, level_of, lineage_of

WAITS_FOR_OTHERS = frozenset({HeldReason.MUTED, HeldReason.SILENCED})
"""Reasons that end when something else does: an alert, a silence."""


class Mark(NamedTuple):
    """The order of a region's snapshots."""

    position: int
    as_of_ms: int


@dataclass(slots=True)
class Region:
    """The newest snapshot of a region. `t`: the latest instant at which a snapshot of it was judged.

    `potential_before`: the potentials of the snapshot before it, None if there was none. `version`: the rules in force
    when its first snapshot was read. `seen`: ids of the rules that have judged a known x here.
    """

    snapshot: Snapshot
    mark: Mark
    t: int
    version: int
    potential_before: Mapping[str, int] | None = None
    seen: frozenset[str] = frozenset()

    @property
    def potentials(self) -> dict[str, int]:
        """Potential by basis of the newest snapshot."""
        return {basis: potential.value for basis, potential in self.snapshot.potential.items()}


@dataclass(slots=True)
class Told:
    """By which role an official heard, and since when the next repeat is counted."""

    role: Role
    last: int


@dataclass(slots=True)
class Waiting:
    """An occasion on its way to an official.

    `part`: which making of the occasion it belongs to (the escalation step, the instant of a repeat). `without`:
    addresses at which another official hears of it; None until that is decided. `until`: the end of quiet hours.
    `late`: its digest went out without it.
    """

    official: str
    episode: int
    occasion: Occasion
    role: Role
    part: int
    without: tuple[str, ...] | None = None
    reason: HeldReason | None = None
    until: int | None = None
    late: bool = False


@dataclass(slots=True)
class Alert:
    """An episode that fires. `quiet`: at first sight, nobody is ever told. `steps`: escalations made.

    `at_once`: nobody holds a role of the last step, so the next is due. `vacancies`: reported ones, so that each is
    reported once per occasion.
    """

    episode: int
    raised_t: int
    because_potential: bool = False
    quiet: bool = False
    acknowledged_by: str | None = None
    steps: int = 0
    at_once: bool = False
    told: dict[str, Told] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    vacancies: set[tuple[Occasion, int, Role]] = field(default_factory=set)


@dataclass(slots=True)
class Watch:
    """A rule in a region, once it has moved. `t`: its last judgement by time or by a new rule, if there was one.

    `episode`: the last one's number. `recoveries`: messages of earlier episodes' ends that wait for morning.
    """

    phase: Phase = Phase.OK
    since: int = 0
    t: int | None = None
    episode: int = 0
    unknown_since: int | None = None
    because_potential: bool = False
    alert: Alert | None = None
    recoveries: list[Waiting] = field(default_factory=list)

    def waiting(self) -> Iterable[Waiting]:
        """Yield all that waits here."""
        if self.alert is not None:
            yield from self.alert.waiting.values()
        yield from self.recoveries


@dataclass(slots=True)
class Digest:
    """Alerts of one rule that gather for one official, by region."""

    due: int
    regions: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Silence:
    """No message of these rules (None: all) from these regions and below, up to and not including `until`."""

    id: str
    rules: frozenset[str] | None
    regions: frozenset[str]
    until: int

    def covers(self, rule: str, region: str) -> bool:
        """Say whether it names the rule, and the region or one above."""
        return (self.rules is None or rule in self.rules) and any(holds(whole, region) for whole in self.regions)


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """A rule with its compiled kind; `version` and `given` say since which rules and which instant it is like this.

    `id`, `side` and `is_silent` are those of rule and reading: each snapshot asks every rule of its region for them.
    """

    rule: Rule
    version: int
    given: int
    reading: Reading
    id: str
    side: SideOf
    is_silent: bool

    @classmethod
    def make(cls, rule: Rule, version: int, given: int) -> RuleInForce:
        """Return the rule, compiled."""
        reading = compiled(rule.kind)
        return cls(rule, version, given, reading, rule.id, reading.side, isinstance(rule.kind, Silent))


class Key(NamedTuple):
    """A piece of the state: a watch (rule, region), a digest (rule, official), a silence (id), a region (code)."""

    piece: Literal["watch", "digest", "silence", "region"]
    first: str
    second: str = ""


class World:
    """All pieces. `touched`: keys of pieces that may have changed. The caller stores these pieces and clears it.

    `fresh`: the same for the engine's own indexes. `make_region`: another class may keep the snapshot otherwise.
    """

    def __init__(self, make_region: type[Region] = Region) -> None:
        self.make_region = make_region
        self.now: int | None = None
        self.version = 0
        self.put_rules(())
        self.directory = Directory()
        self.silences: dict[str, Silence] = {}
        self.regions: dict[str, Region] = {}
        self.watches: dict[tuple[str, str], Watch] = {}
        self.digests: dict[tuple[str, str], Digest] = {}
        self.touched: set[Key] = set()
        self.fresh: set[Key] = set()

    def put_rules(self, rules: Iterable[RuleInForce]) -> None:
        """Put these rules in force, and index them by level and by the regions at or below which they watch it."""
        self.rules: dict[str, RuleInForce] = {
            each.rule.id: each for each in sorted(rules, key=lambda each: each.rule.id)
        }
        self._by_scope: defaultdict[tuple[Level, str], list[RuleInForce]] = defaultdict(list)
        for each in self.rules.values():
            for code in each.rule.regions:
                for level in each.rule.levels or (level_of(code),):
                    self._by_scope[level, code].append(each)

    def watching(self, region: str) -> Sequence[RuleInForce]:
        """Return the rules whose scope has the region, in the order of their ids."""
        level = level_of(region)
        found = [rules for place in lineage_of(region) if (rules := self._by_scope.get((level, place)))]
        if len(found) < 2:
            return found[0] if found else ()
        return sorted({each.rule.id: each for rules in found for each in rules}.values(), key=lambda each: each.rule.id)

    def alert(self, rule: str, region: str) -> Alert | None:
        """Return the alert that fires there."""
        watch = self.watches.get((rule, region))
        return None if watch is None else watch.alert

    def catching_up(self, region: str) -> bool:
        """Say whether the newest snapshot of the region says so."""
        known = self.regions.get(region)
        return known is not None and known.snapshot.catching_up

    def touch(self, piece: Literal["watch", "digest", "silence", "region"], first: str, second: str = "") -> None:
        """Note that the piece may have changed."""
        key = Key(piece, first, second)
        self.touched.add(key)
        self.fresh.add(key)
