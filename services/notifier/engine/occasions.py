"""Makes occasions for officials, takes each through the stages, and tells, holds or drops it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from services.notifier.engine.decisions import AlertKey, Decision, Held, HeldReason, Message, Occasion, Vacancy
from services.notifier.engine.directory import Role, post_of
from services.notifier.engine.due import escalation_due, repeat_due
from services.notifier.engine.ids import delivery_id
from services.notifier.engine.instants import to_text
from services.notifier.engine.rules import Rule
from services.notifier.engine.stages import hold
from services.notifier.engine.world import Alert, Digest, Told, Waiting, World


class Case(NamedTuple):
    """An occasion that waits, and the rule and region of its alert."""

    rule: str
    region: str
    waiting: Waiting

    @property
    def order(self) -> tuple[str, str, str, int]:
        """The order of ties."""
        return self.rule, self.region, self.waiting.official, self.waiting.episode


class Messenger:
    """Decides at one instant who hears what; `out` receives the decisions in order."""

    def __init__(self, world: World, now: int, out: list[Decision]) -> None:
        self._world = world
        self._now = now
        self._out = out

    def raised(self, rule: Rule, region: str, alert: Alert) -> None:
        """Make the first occasion of a new alert."""
        people = self._roles(rule, region, alert, Occasion.RAISED, rule.hears)
        self._make(rule, region, alert, Occasion.RAISED, people, dict.fromkeys(people, alert.steps))

    def escalated(self, rule: Rule, region: str, alert: Alert) -> None:
        """Make every escalation step that is due, for those to whom nothing of the alert was sent or waits."""
        people: dict[str, Role] = {}
        parts: dict[str, int] = {}
        while (due := escalation_due(rule, alert)) is not None and due <= self._now:
            hears = rule.escalate[alert.steps].hears
            alert.steps += 1
            for official, role in self._roles(rule, region, alert, Occasion.ESCALATED, hears).items():
                if official not in alert.told and official not in alert.waiting and official not in people:
                    people[official], parts[official] = role, alert.steps
        self._make(rule, region, alert, Occasion.ESCALATED, people, parts)

    def repeated(self, rule: Rule, region: str, alert: Alert) -> None:
        """Make the repeats that are due."""
        people = {
            official: told.role
            for official, told in alert.told.items()
            if (due := repeat_due(rule, alert, official)) is not None and due <= self._now
        }
        for official in people:
            alert.told[official].last = self._now
        self._make(rule, region, alert, Occasion.REPEATED, people, dict.fromkeys(people, self._now))

    def recovered(self, rule: Rule, region: str, alert: Alert) -> None:
        """Drop what waits of an alert that has ended, and tell its end to those who were told of it."""
        watch = self._world.watches[rule.id, region]
        ends = []
        if rule.tell_recovery:
            for official, told in alert.told.items():
                ends.append(Waiting(official, alert.episode, Occasion.RECOVERED, told.role, alert.steps))
        watch.recoveries += ends
        never = [waiting for waiting in alert.waiting.values() if waiting.official not in alert.told]
        self.judge([Case(rule.id, region, waiting) for waiting in ends], dropped=(rule.id, region, never))

    def acknowledged(self, rule: str, region: str, alert: Alert) -> None:
        """Drop the escalations and repeats that wait."""
        for official, waiting in sorted(alert.waiting.items()):
            if waiting.occasion is not Occasion.RAISED:
                self._hold_line(Case(rule, region, waiting), HeldReason.ACKNOWLEDGED)
                del alert.waiting[official]
        self._world.touch("watch", rule, region)

    def digest(self, cases: Sequence[Case]) -> None:
        """Judge the alerts of a digest that goes out again; what remains is one message to each official."""
        ready: dict[str, list[Case]] = {}
        for case in self._placed(cases):
            if not self._held(case, gathers=False):
                ready.setdefault(case.waiting.official, []).append(case)
        for official in sorted(ready):
            self._tell(official, ready[official])

    def judge(self, cases: Iterable[Case], dropped: tuple[str, str, Sequence[Waiting]] | None = None) -> None:
        """Take each occasion through the stages. `dropped`: those of an ended alert of which nobody was told."""
        lines = [(case, True) for case in self._placed(cases)]
        if dropped is not None:
            lines += [(Case(dropped[0], dropped[1], waiting), False) for waiting in dropped[2]]
        for case, alive in sorted(lines, key=lambda line: line[0].order):
            if not alive:
                self._hold_line(case, HeldReason.NEVER_TOLD)
            elif not self._held(case, gathers=True):
                self._tell(case.waiting.official, [case])

    def _roles(
        self, rule: Rule, region: str, alert: Alert, occasion: Occasion, hears: Iterable[Role]
    ) -> dict[str, Role]:
        """Return who holds the roles of a step; where nobody does, the next step is due at once."""
        people: dict[str, Role] = {}
        for role in hears:
            for official in self._holders(rule.id, region, alert, (occasion, alert.steps, role)):
                people.setdefault(official, role)
        alert.at_once = not people
        return people

    def _holders(self, rule: str, region: str, alert: Alert, step: tuple[Occasion, int, Role]) -> list[str]:
        """Return who holds the role of a step; a vacancy is told once."""
        post = post_of(step[2], region)
        if post is None:
            return []
        holders = [official.id for official in self._world.directory.holders(step[2], post, self._now)]
        if not holders and step not in alert.vacancies:
            alert.vacancies = {step, *filter(_is_needed(alert), alert.vacancies)}
            self._out.append(Vacancy(self._now, rule, region, step[2]))
        return holders

    def _make(
        self, rule: Rule, region: str, alert: Alert, occasion: Occasion, people: Mapping[str, Role],
        parts: Mapping[str, int],
    ) -> None:  # fmt: skip
        cases = []
        for official, role in people.items():
            waiting = Waiting(official, alert.episode, occasion, role, parts[official])
            alert.waiting[official] = waiting
            cases.append(Case(rule.id, region, waiting))
        self._world.touch("watch", rule.id, region)
        self.judge(cases)

    def _placed(self, cases: Iterable[Case]) -> list[Case]:
        """Return the occasions in order, each with someone in office, and each address used once."""
        cases = [each for case in sorted(cases, key=lambda case: case.order) for each in self._replaced(case)]
        return self._shared(sorted(cases, key=lambda case: case.order))

    def _replaced(self, case: Case) -> list[Case]:
        """Return the occasion, or those for the ones who hold the role now."""
        rule, region, waiting = case
        if waiting.occasion is Occasion.RECOVERED:
            if self._world.directory.get(waiting.official) is None:
                self._forget(case)
                return []
            return [case]
        alert = self._alert(case)
        holders = self._holders(rule, region, alert, (waiting.occasion, waiting.part, waiting.role))
        if waiting.official in holders:
            return [case]
        self._missed(case)
        return [
            Case(rule, region, self._successor(alert, waiting, official))
            for official in holders
            if official not in alert.told and official not in alert.waiting
        ]

    def _successor(self, alert: Alert, waiting: Waiting, official: str) -> Waiting:
        made = Waiting(official, waiting.episode, waiting.occasion, waiting.role, waiting.part)
        alert.waiting[official] = made
        return made

    def _shared(self, cases: Sequence[Case]) -> list[Case]:
        """Decide for new occasions at which addresses each is told: of those who share one, the lesser id hears."""

        def making(case: Case) -> tuple[str, str, int, str]:
            return case.rule, case.region, case.waiting.episode, case.waiting.occasion

        new = [case for case in cases if case.waiting.without is None]
        for _, made in groupby(sorted(new, key=making), making):
            taken: tuple[str, ...] = ()
            for case in made:
                case.waiting.without = taken
                taken += tuple(self._channels(case.waiting.official))
        return [case for case in cases if self._reachable(case)]

    def _reachable(self, case: Case) -> bool:
        if set(self._channels(case.waiting.official)) - set(case.waiting.without or ()):
            return True
        self._forget(case)
        return False

    def _channels(self, official: str) -> list[str]:
        return list(dict.fromkeys(map(str, self._world.directory[official].channels)))

    def _held(self, case: Case, *, gathers: bool) -> bool:
        """Hold the occasion if a stage says so."""
        found = hold(self._world, case.rule, case.region, case.waiting, self._now, gathers=gathers)
        if found is None:
            return False
        self._hold_line(case, found.reason)
        if found.reason is HeldReason.SILENCED and case.waiting.occasion is Occasion.REPEATED:
            self._missed(case)
            return True
        waiting = case.waiting
        waiting.reason, waiting.until, waiting.late = found.reason, found.until, False
        if found.reason is HeldReason.GROUPED:
            self._gather(case)
        self._world.touch("watch", case.rule, case.region)
        return True

    def _missed(self, case: Case) -> None:
        """Drop the occasion; the next repeat for the official, if there is one, is counted from now."""
        self._forget(case)
        told = self._alert(case).told.get(case.waiting.official)
        if told is not None:
            told.last = self._now

    def _gather(self, case: Case) -> None:
        """Let the occasion wait for the official's digest of the rule, which is begun if there is none."""
        key = case.rule, case.waiting.official
        wait = self._world.rules[case.rule].rule.group_wait_ms
        digest = self._world.digests.setdefault(key, Digest(self._now + wait))
        digest.regions.add(case.region)
        self._world.touch("digest", *key)

    def _tell(self, official: str, cases: Sequence[Case]) -> None:
        """Send one message a channel, of the alerts that the official hears there."""
        for channel in self._channels(official):
            heard = [case for case in cases if channel not in (case.waiting.without or ())]
            if heard:
                self._message(official, channel, heard)
        for case in cases:
            self._forget(case)
            if case.waiting.occasion is not Occasion.RECOVERED:
                self._alert(case).told[official] = Told(case.waiting.role, self._now)

    def _message(self, official: str, channel: str, cases: Sequence[Case]) -> None:
        occasion = cases[0].waiting.occasion
        alerts = tuple(self._key(case) for case in cases)
        id_ = delivery_id(official, channel, occasion, to_text(self._now), [alert.id for alert in alerts])
        self._out.append(Message(self._now, official, channel, occasion, alerts, id_))

    def _key(self, case: Case) -> AlertKey:
        """Return the alert of an occasion; of a raise with the reason if the potential moved it."""
        waiting = case.waiting
        raised = waiting.occasion is Occasion.RAISED
        return AlertKey(case.rule, case.region, waiting.episode, raised and self._alert(case).because_potential)

    def _hold_line(self, case: Case, reason: HeldReason) -> None:
        key = AlertKey(case.rule, case.region, case.waiting.episode)
        self._out.append(Held(self._now, reason, case.waiting.official, case.waiting.occasion, key))

    def _alert(self, case: Case) -> Alert:
        alert = self._world.alert(case.rule, case.region)
        assert alert is not None  # What waits of an alert is dropped when it ends.
        return alert

    def _forget(self, case: Case) -> None:
        """Take the occasion off what waits."""
        watch = self._world.watches[case.rule, case.region]
        if case.waiting.occasion is Occasion.RECOVERED:
            watch.recoveries = [each for each in watch.recoveries if each is not case.waiting]
        elif watch.alert is not None:
            del watch.alert.waiting[case.waiting.official]
        self._world.touch("watch", case.rule, case.region)


def _is_needed(alert: Alert) -> Callable[[tuple[Occasion, int, Role]], bool]:
    """Return whether a vacancy may come up again: of a repeat only while another of the same instant waits."""
    repeats = {each.part for each in alert.waiting.values() if each.occasion is Occasion.REPEATED}
    return lambda vacancy: vacancy[0] is not Occasion.REPEATED or vacancy[1] in repeats
