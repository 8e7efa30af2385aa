"""What time makes due: the stages of one instant in the order of alerts.md, "At one instant", and their agenda."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.notifier.engine.decisions import Decision, HeldReason
from services.notifier.engine.due import Agenda, due_of
from services.notifier.engine.moves import Mover
from services.notifier.engine.occasions import Case, Messenger
from services.notifier.engine.rules import Rule, Silent
from services.notifier.engine.stages import still_holds
from services.notifier.engine.world import WAITS_FOR_OTHERS, Alert, Key, Waiting, Watch, World

_NOTHING: Final = Watch()


class Clock:
    """Does what is due in a world. `out` receives the decisions; `check_held`: something that held may have ended."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.out: list[Decision] = []
        self.check_held = False
        self._agenda = Agenda()
        self._waits_for_others: set[tuple[str, str]] = set()
        self._index()

    def pass_time(self, to: int) -> None:
        """Stop at each instant at which something is due, and end at `to`."""
        world = self.world
        while (due := self._agenda.next()) is not None and due <= to:
            world.now = due if world.now is None else max(world.now, due)
            self.settle(world.now)
        world.now = to

    def settle(self, now: int) -> None:
        """Do all that is due, stage by stage, until nothing is."""
        self._reindex()
        while self.check_held or ((due := self._agenda.next()) is not None and due <= now):
            ready: set[Key] = set()
            for stage in (self._moves, self._ends, self._escalations, self._repeats, self._mornings, self._digests):
                ready.update(self._agenda.take(now))
                stage(now, ready)
                self._reindex()
            self._put(ready)

    def _moves(self, now: int, ready: set[Key]) -> None:
        mover = Mover(self.world, now, self.out)
        for rule_id, code in _watches(ready):
            rule = self.world.rules.get(rule_id)
            known = rule is not None and code in self.world.regions and rule.rule.covers(code)
            if rule is not None and known and not self.world.catching_up(code):
                mover.elapse(rule, code)
        self.finish(mover)

    def _ends(self, now: int, ready: set[Key]) -> None:
        """Judge again what muting and silences held that have ended."""
        for key in ready:
            if key.piece == "silence":
                del self.world.silences[key.first]
                self.world.touch("silence", key.first)
                self.check_held = True
        if not self.check_held:
            return
        self.check_held = False
        cases = [
            Case(rule, code, waiting)
            for rule, code in self._waits_for_others
            for waiting in self._waiting_alert(rule, code)
            if waiting.reason in WAITS_FOR_OTHERS and not still_holds(self.world, rule, code, waiting, now)
        ]
        Messenger(self.world, now, self.out).judge(cases)

    def _escalations(self, now: int, ready: set[Key]) -> None:
        for rule, code, alert in self._open(ready):
            Messenger(self.world, now, self.out).escalated(rule, code, alert)

    def _repeats(self, now: int, ready: set[Key]) -> None:
        for rule, code, alert in self._open(ready):
            Messenger(self.world, now, self.out).repeated(rule, code, alert)

    def _mornings(self, now: int, ready: set[Key]) -> None:
        """Judge again what quiet hours held that have ended."""
        cases = [
            Case(rule, code, waiting)
            for rule, code in _watches(ready)
            for waiting in self.world.watches.get((rule, code), _NOTHING).waiting()
            if waiting.reason is HeldReason.QUIET_HOURS and waiting.until is not None and waiting.until <= now
        ]
        Messenger(self.world, now, self.out).judge(cases)

    def _digests(self, now: int, ready: set[Key]) -> None:
        """Send the digests that are due, and the alerts that follow a digest once their region has caught up."""
        batches = [
            [Case(rule, code, waiting)]
            for rule, code in _watches(ready)
            for waiting in self._waiting_alert(rule, code)
            if waiting.late and not self.world.catching_up(code)
        ]
        for key in ready:
            digest = self.world.digests.get((key.first, key.second)) if key.piece == "digest" else None
            if digest is not None and digest.due <= now:
                del self.world.digests[key.first, key.second]
                self.world.touch("digest", key.first, key.second)
                batches.append(self._gathered(key.first, key.second, digest.regions))
        for cases in sorted(filter(None, batches), key=lambda cases: cases[0].order):
            Messenger(self.world, now, self.out).digest(cases)

    def _gathered(self, rule: str, official: str, regions: Iterable[str]) -> list[Case]:
        """Return what goes out with the digest; where a region is catching up, it is late."""
        ready = []
        for code in sorted(regions):
            alert = self.world.alert(rule, code)
            assert alert is not None  # An alert that ends leaves its digests.
            waiting = alert.waiting[official]
            if self.world.catching_up(code):
                waiting.late = True
            else:
                ready.append(Case(rule, code, waiting))
            self.world.touch("watch", rule, code)
        return ready

    def _open(self, ready: set[Key]) -> list[tuple[Rule, str, Alert]]:
        """Return, in order, the alerts for which escalations and repeats may be due."""
        found = []
        for rule_id, code in _watches(ready):
            alert, rule = self.world.alert(rule_id, code), self.world.rules.get(rule_id)
            if alert is None or rule is None or alert.quiet or alert.acknowledged_by is not None:
                continue
            if not self.world.catching_up(code):
                found.append((rule.rule, code, alert))
        return found

    def _waiting_alert(self, rule: str, code: str) -> Iterable[Waiting]:
        alert = self.world.alert(rule, code)
        return () if alert is None else alert.waiting.values()

    def finish(self, mover: Mover) -> None:
        """Give the messages after all moves."""
        mover.tell()
        self.check_held = self.check_held or mover.unmuted

    def _index(self) -> None:
        """Make the indexes of a world that was loaded."""
        world = self.world
        keys = {Key("watch", *key) for key in world.watches} | {Key("digest", *key) for key in world.digests}
        keys |= {Key("silence", id_) for id_ in world.silences}
        silent = [rule for rule in world.rules.values() if isinstance(rule.rule.kind, Silent)]
        keys |= {
            Key("watch", rule.rule.id, code) for code in world.regions for rule in silent if rule.rule.covers(code)
        }
        self._put(keys)

    def _reindex(self) -> None:
        fresh, self.world.fresh = self.world.fresh, set()
        self._put(fresh)

    def _put(self, keys: Iterable[Key]) -> None:
        """Note when each piece is due, and whether something waits there for another to end."""
        world = self.world
        for key in keys:
            if key.piece == "watch":
                self._agenda.put(key, due_of(world, key.first, key.second))
                self._note_waiting(key.first, key.second)
            elif key.piece == "digest":
                digest = world.digests.get((key.first, key.second))
                self._agenda.put(key, None if digest is None else digest.due)
            elif key.piece == "silence":
                silence = world.silences.get(key.first)
                self._agenda.put(key, None if silence is None else silence.until)

    def _note_waiting(self, rule: str, code: str) -> None:
        if any(waiting.reason in WAITS_FOR_OTHERS for waiting in self._waiting_alert(rule, code)):
            self._waits_for_others.add((rule, code))
        else:
            self._waits_for_others.discard((rule, code))


def _watches(ready: Iterable[Key]) -> list[tuple[str, str]]:
    """Return (rule, region) of the watches among the keys, in the order of ties."""
    return sorted((key.first, key.second) for key in ready if key.piece == "watch")
