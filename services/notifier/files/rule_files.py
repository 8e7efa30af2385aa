"""Files of rules: all of a file is right, or it is refused with each wrong place named (alerts.md, "Rules")."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from services.notifier.engine import rules
from services.notifier.engine.directory import Role
from services.notifier.engine.rules import Basis, Direction, FirstSight, Lines, Measure, Rule, Severity
from services.notifier.files.entries import (
    Code,
    Duration,
    Entry,
    Fault,
    Id,
    IsRegion,
    Line,
    OneLine,
    Text,
    Truth,
    documented,
    duration_ms,
    refusal,
    validated,
)  # fmt: skip
from services.notifier.files.yaml_lines import Document
from shared.contracts.facts import Group, Payer, Programme, Segment
from shared.contracts.snapshots import DesignationState, DueWindow, Window
from shared.regions.codes import Level

_MINUTE_MS = 60_000
"""The shortest `repeat_every`: a shorter one would only be noise."""


class Title(Entry):
    """What the rule says, one line in each language."""

    id: OneLine
    en: OneLine


class EscalationEntry(Entry):
    """Who hears too, so long after the raise."""

    after: Duration
    hears: Annotated[tuple[Role, ...], Field(min_length=1)]


class SliceEntry(Entry):
    """People of one segment, group, payer or programme."""

    segment: Segment | None = None
    group: Group | None = None
    payer: Payer | None = None
    programme: Programme | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("name one of segment, group, payer, programme, such as {payer: csr}")
        return self

    def read(self) -> rules.Slice:
        """Return the slice."""
        dimensions: tuple[rules.Dimension, ...] = ("segment", "group", "payer", "programme")
        dimension = next(each for each in dimensions if each in self.model_fields_set)
        return rules.Slice(dimension, getattr(self, dimension))


class Common(Entry):
    """The fields of every rule."""

    id: Id
    title: Title
    levels: tuple[Level, ...] = ()
    regions: Annotated[tuple[Code, ...], Field(min_length=1)] = ("ID",)
    hold_for: Duration = "0s"
    clear_for: Duration = "0s"
    first_sight: FirstSight = FirstSight.TELL
    severity: Severity = Severity.WARNING
    hears: Annotated[tuple[Role, ...], Field(min_length=1)]
    escalate: tuple[EscalationEntry, ...] = ()
    group_wait: Duration = "30s"
    repeat_every: Duration | None = None
    tell_recovery: Truth = True
    muted_by_above: Truth = False
    muted_by: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.repeat_every is not None and duration_ms(self.repeat_every) < _MINUTE_MS:
            raise ValueError("repeat_every: write at least 1m, or leave it out for never")
        afters = [0, *(duration_ms(step.after) for step in self.escalate)]
        if any(later <= earlier for earlier, later in pairwise(afters)):
            raise ValueError("escalate: each `after` must be over 0 and longer than the one before it")
        return self

    @abstractmethod
    def kind_read(self) -> rules.Kind:
        """Return the kind with its own fields."""

    def read(self) -> Rule:
        """Return the rule."""
        return Rule(
            self.id, {"id": self.title.id, "en": self.title.en}, self.kind_read(), tuple(dict.fromkeys(self.hears)),
            frozenset(self.levels), frozenset(self.regions), duration_ms(self.hold_for), duration_ms(self.clear_for),
            self.first_sight, self.severity,
            tuple(rules.Escalation(duration_ms(s.after), tuple(dict.fromkeys(s.hears))) for s in self.escalate),
            duration_ms(self.group_wait), None if self.repeat_every is None else duration_ms(self.repeat_every),
            self.tell_recovery, self.muted_by_above, self.muted_by,
        )  # fmt: skip


class _Above(Common):
    raise_at: Line
    clear_below: Line

    @model_validator(mode="after")
    def _lines_fit(self) -> Self:
        if Fraction(self.clear_below) > Fraction(self.raise_at):
            raise ValueError(f"clear_below: it must be at most raise_at, {self.raise_at}")
        return self

    @property
    def lines(self) -> Lines:
        """The lines, exact."""
        return Lines(Direction.ABOVE, Fraction(self.raise_at), Fraction(self.clear_below))


class _Either(Common):
    """A kind that may be raised above or below its lines."""

    direction: Direction
    raise_at: Line | None = None
    clear_below: Line | None = None
    raise_below: Line | None = None
    clear_at: Line | None = None

    @model_validator(mode="after")
    def _lines_fit(self) -> Self:
        above = self.direction is Direction.ABOVE
        names = ("raise_at", "clear_below") if above else ("raise_below", "clear_at")
        written = {name for name in ("raise_at", "clear_below", "raise_below", "clear_at") if getattr(self, name)}
        if written != set(names):
            raise ValueError(f"direction {self.direction.value}: write {names[0]} and {names[1]}, and no other line")
        raised, cleared = self.lines.raised, self.lines.cleared
        if (cleared > raised) if above else (cleared < raised):
            raise ValueError(f"{names[1]}: it must be at {'most' if above else 'least'} {names[0]}")
        return self

    @property
    def lines(self) -> Lines:
        """The lines, exact."""
        if self.direction is Direction.ABOVE:
            return Lines(self.direction, Fraction(self.raise_at or 0), Fraction(self.clear_below or 0))
        return Lines(self.direction, Fraction(self.raise_below or 0), Fraction(self.clear_at or 0))


class ThresholdEntry(_Either):
    """Coverage of a basis."""

    kind: Literal["threshold"]
    measure: Measure
    basis: Basis = "workers"

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Threshold(self.lines, self.measure, self.basis)


class PeopleEntry(_Either):
    """A number of people."""

    kind: Literal["people"]
    measure: Measure
    slice: SliceEntry | None = None

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.People(self.lines, self.measure, None if self.slice is None else self.slice.read())


class ShareEntry(_Either):
    """People of a slice ÷ everyone of the measure."""

    kind: Literal["share"]
    measure: Measure
    slice: SliceEntry

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Share(self.lines, self.measure, self.slice.read())


class FallEntry(_Above):
    """The loss by the flows of a window ÷ potential workers."""

    kind: Literal["fall"]
    measure: Measure
    window: Window

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Fall(self.lines, self.measure, self.window)


class QuotaEntry(_Above):
    """A number of the board of a group's quota."""

    kind: Literal["quota"]
    group: Group
    count: rules.BoardCount

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Quota(self.lines, str(self.group), self.count)


class BehindEntry(_Above):
    """People short of the target."""

    kind: Literal["behind"]
    measure: Measure
    basis: Basis = "workers"

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Behind(self.lines, self.measure, self.basis)


class ForecastEntry(_Above):
    """Days by which the path's last point is reached too late."""

    kind: Literal["forecast"]
    measure: Measure
    basis: Basis = "workers"

    @model_validator(mode="after")
    def _whole_days(self) -> Self:
        if any(line.denominator != 1 for line in (self.lines.raised, self.lines.cleared)):
            raise ValueError("raise_at, clear_below: write whole days, such as 30")
        return self

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Forecast(self.lines, self.measure, self.basis)


class LapseAheadEntry(_Above):
    """People who lapse within the window if nobody pays."""

    kind: Literal["lapse_ahead"]
    window: DueWindow
    payers: Annotated[tuple[Payer, ...], Field(min_length=1)] | None = None
    unit: rules.Unit

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        payers = None if self.payers is None else tuple(str(payer) for payer in self.payers)
        return rules.LapseAhead(self.lines, self.window, payers, self.unit)


class DesignationEntry(Common):
    """A village's state of Desa Sadar."""

    kind: Literal["designation"]
    states: Annotated[tuple[DesignationState, ...], Field(min_length=1)]

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Designated(frozenset(self.states))


class SilenceEntry(Common):
    """A source that sends nothing."""

    kind: Literal["silence"]
    source: Annotated[Text, Field(min_length=1)]
    after: Duration

    def kind_read(self) -> rules.Kind:
        """Return the kind."""
        return rules.Silent(self.source, duration_ms(self.after))


RuleEntry = Annotated[
    ThresholdEntry | PeopleEntry | ShareEntry | FallEntry | QuotaEntry | BehindEntry | ForecastEntry
    | LapseAheadEntry | DesignationEntry | SilenceEntry,
    Field(discriminator="kind"),
]  # fmt: skip


class RuleFile(Entry):
    """A file of rules."""

    rules: tuple[RuleEntry, ...]


def read_rules(text: str, file: str, is_region: IsRegion) -> tuple[Rule, ...]:
    """Return the rules of a YAML text. Raises: Refused."""
    return rules_of(documented(text, file), file, is_region)


def rules_of(document: Document, file: str, is_region: IsRegion) -> tuple[Rule, ...]:
    """Return the rules of a document. Raises: Refused."""
    entries = validated(document, RuleFile, file).rules
    faults = list(_faults(entries, is_region))
    if faults:
        raise refusal(file, document, faults)
    return tuple(entry.read() for entry in entries)


def _faults(entries: tuple[Common, ...], is_region: IsRegion) -> Iterator[Fault]:
    """Yield what no single entry shows: ids that stand twice, regions, and who mutes whom."""
    muted_by = {entry.id: entry.muted_by for entry in entries}
    seen = set[str]()
    for at, entry in enumerate(entries):
        if entry.id in seen:
            yield Fault(("rules", at, "id"), "another rule has this id; give each its own")
        seen.add(entry.id)
        for number, region in enumerate(entry.regions):
            if not is_region(region):
                message = f"{region!r}: no region has this code; write a Kemendagri code, or ID"
                yield Fault(("rules", at, "regions", number), message)
        for number, other in enumerate(entry.muted_by):
            if other not in muted_by:
                yield Fault(("rules", at, "muted_by", number), f"{other!r}: no rule has this id; correct or remove it")
        if _mutes_itself(entry.id, muted_by):
            yield Fault(("rules", at, "muted_by"), "the rule mutes itself, through others or directly; break the ring")


def _mutes_itself(rule: str, muted_by: dict[str, tuple[str, ...]]) -> bool:
    seen, ahead = set[str](), list(muted_by[rule])
    while ahead:
        other = ahead.pop()
        if other == rule:
            return True
        if other not in seen:
            seen.add(other)
            ahead += muted_by.get(other, ())
    return False
