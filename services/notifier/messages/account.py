"""What a message says of one alert: its figures at the raise and now, with names and times in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from services.notifier.engine.decisions import Occasion
from services.notifier.engine.rules import Fall, Rule, Threshold
from services.notifier.messages.contributors import Contributors, contributors, movers
from services.notifier.messages.figures import Figures, figures, most
from services.notifier.messages.message import AlertFacts
from services.notifier.messages.templates import Phrases


@dataclass(frozen=True)
class Account:
    """An alert as one official reads it."""

    facts: AlertFacts
    occasion: Occasion
    told_at: datetime
    phrases: Phrases

    @property
    def rule(self) -> Rule:
        """The rule that raised the alert."""
        return self.facts.rule

    @cached_property
    def then(self) -> Figures:
        """The figures that raised the alert."""
        return figures(self.rule.kind, self.facts.raised_by, self.facts.since)

    @cached_property
    def now(self) -> Figures:
        """The newest figures; those of a recovery as of its end or later."""
        return figures(self.rule.kind, self.facts.newest, self.told_at)

    @cached_property
    def contributors(self) -> Contributors:
        """The regions right below that contributed most; to a recovery: those that moved it."""
        found = movers if self.occasion is Occasion.RECOVERED else contributors
        return found(self.now, self.facts.below)

    @cached_property
    def place(self) -> str:
        """The region, with those above it where names repeat."""
        return self.phrases.words.place(self.facts.newest.region, self.facts.newest.name)

    @cached_property
    def title(self) -> str:
        """What the rule is called."""
        return self.phrases.words.name(self.rule.title[self.phrases.words.language])

    @property
    def since(self) -> str:
        """When the alert was raised, with the zone of the region."""
        return self._instant(self.facts.since)

    @property
    def ended(self) -> str:
        """When the alert ended."""
        return self._instant(self.facts.ended_at or self.told_at)

    @property
    def as_of(self) -> str:
        """As of when the newest figures are."""
        return self._instant(self.facts.newest.as_of)

    @property
    def lasted(self) -> timedelta:
        """How long the alert has fired."""
        return (self.facts.ended_at or self.told_at) - self.facts.since

    def _instant(self, value: datetime) -> str:
        return self.phrases.words.instant(self.facts.newest.region, value)

    @cached_property
    def crossing(self) -> Figures:
        """The figures that show the crossing: the newest if they are on the raise side, else those of the raise."""
        return self.now if self.now.is_raised else self.then

    @property
    def crossed(self) -> str:
        """What crossed, in one sentence."""
        of = self.crossing
        if of.x is None:
            return self.phrases.unknown_crossed(self.title, self.place)
        return self.phrases.say(f"{of.name}_crossed", of, self.place)

    @property
    def state(self) -> str:
        """The newest figure."""
        return self._phrase("state", self.now)

    @property
    def state_then(self) -> str:
        """The figure at the raise."""
        return self._phrase("state", self.then)

    @property
    def shown(self) -> Figures:
        """The figures of subject and digest: of a raise those that crossed, else the newest."""
        return self.crossing if self.occasion is Occasion.RAISED else self.now

    @property
    def brief(self) -> str:
        """The figure of subject and digest, as short as can be."""
        return self._phrase("brief", self.shown)

    def _phrase(self, form: str, of: Figures) -> str:
        return self.phrases.unknown() if of.x is None else self.phrases.say(f"{of.name}_{form}", of)

    @property
    def has_moved(self) -> bool:
        """Whether the figure is another than at the raise."""
        return self.then.x != self.now.x

    @property
    def moved_by(self) -> str | None:
        """Whether people or the potential moved the figure; None where neither can be said."""
        if self.facts.because_potential:
            return self.phrases.because_potential(self)
        went = -self.then.change if isinstance(self.rule.kind, Fall) or not self.then.above else self.then.change
        if isinstance(self.rule.kind, Threshold | Fall) and went > 0:
            return self.phrases.because_people(self)
        return None

    @property
    def potential_then(self) -> str:
        """The potential that raised the alert."""
        return self.phrases.potential_value(self.then)

    @property
    def revised(self) -> str | None:
        """How the potential was changed since the raise; None where it was not."""
        before, after = (of.snapshot.potential.get(of.basis) for of in (self.then, self.now))
        if before is None or after is None or before.value == after.value:
            return None
        return self.phrases.potential_revised(before.value, after.value)

    @property
    def by_payer(self) -> list[tuple[str, int]]:
        """By how many people the measure changed since the raise, by payer, the largest change first."""
        before, after = (of.snapshot.by_payer for of in (self.then, self.now))

        def count(counts: object, payer: str) -> int:
            found = counts.get(payer)  # type: ignore[attr-defined]
            return 0 if found is None else int(getattr(found, self.now.measure))

        changes = ((payer, count(after, payer) - count(before, payer)) for payer in {*before, *after})
        return most((payer, change) for payer, change in changes if change)
