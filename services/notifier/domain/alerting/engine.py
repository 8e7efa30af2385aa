"""The one engine: an event or a moment in, decisions out; the state moves on (alerts.md, ADR 0031).

At one instant, what time makes due comes first, in the order of `_SETTLING`; then events in their order, each with its
moves, its messages, and what it makes due at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from services.notifier.domain.alerting.decisions import Decision, HeldReason
from services.notifier.domain.alerting.directory import Directory
from services.notifier.domain.alerting.due import Agenda, due_of
from services.notifier.domain.alerting.events import (
    Acknowledged,
    Event,
    OfficialsGiven,
    RegionRetired,
    RulesGiven,
    SilenceEnded,
    SilenceGiven,
    SnapshotRead,
    Tick,
)  # fmt: skip
from services.notifier.domain.alerting.instants import to_ms
from services.notifier.domain.alerting.moves import Mover
from services.notifier.domain.alerting.occasions import Case, Messenger
from services.notifier.domain.alerting.rules import Rule, Silent
from services.notifier.domain.alerting.stages import still_holds
from services.notifier.domain.alerting.states import MoveReason
from services.notifier.domain.alerting.world import (
    WAITS_FOR_OTHERS,
    Alert,
    Key,
    Mark,
    Region,
    RuleInForce,
    Waiting,
    Watch,
    World,
)  # fmt: skip
from shared.regions.codes import level_of

_NOTHING: Final = Watch()


class TimeWentBack(ValueError):  # noqa: N818 - it says what happened
    """An event is older than the one before it."""


class Engine:
    """Applies events to a world, which it alone changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._agenda = Agenda()
        self._waits_for_others: set[tuple[str, str]] = set()
        self._check_held = False
        self._out: list[Decision] = []
        self._handled: Final[dict[type, Callable[..., None]]] = {
            SnapshotRead: self._read, RulesGiven: self._put_rules, OfficialsGiven: self._put_officials,
            SilenceGiven: self._silence, SilenceEnded: self._unsilence, Acknowledged: self._acknowledge,
            RegionRetired: self._retire, Tick: self._tick,
        }  # fmt: skip
        self._index()

    def apply(self, at: int, event: Event) -> list[Decision]:
        """Return the decisions up to the instant, then those of the event.

        Raises: TimeWentBack when the instant is before the last.
        """
        world = self.world
        if world.now is not None and at < world.now:
            raise TimeWentBack("events are given in the order of their instants")
        self._out = []
        self._pass_time(at)
        self._handled[type(event)](event)
        self._settle(at)
        return self._out

    def _pass_time(self, to: int) -> None:
        """Stop at each instant at which something is due."""
        world = self.world
        while (due := self._agenda.next()) is not None and due <= to:
            world.now = due if world.now is None else max(world.now, due)
            self._settle(world.now)
        world.now = to

    # What time makes.

    def _settle(self, now: int) -> None:
        """Do all that is due, stage by stage, until nothing is."""
        self._reindex()
        while self._check_held or ((due := self._agenda.next()) is not None and due <= now):
            ready: set[Key] = set()
            for stage in (self._moves, self._ends, self._escalations, self._repeats, self._mornings, self._digests):
                ready.update(self._agenda.take(now))
                stage(now, ready)
                self._reindex()
            self._put(ready)

    def _moves(self, now: int, ready: set[Key]) -> None:
        mover = Mover(self.world, now, self._out)
        for rule_id, code in _watches(ready):
            rule = self.world.rules.get(rule_id)
            known = rule is not None and code in self.world.regions and rule.rule.covers(code)
            if rule is not None and known and not self.world.catching_up(code):
                mover.elapse(rule, code)
        self._finish(mover)

    def _ends(self, now: int, ready: set[Key]) -> None:
        """Judge again what muting and silences held that have ended."""
        for key in ready:
            if key.piece == "silence":
                self.world.silences.pop(key.first, None)
                self._check_held = True
        if not self._check_held:
            return
        self._check_held = False
        cases = [
            Case(rule, code, waiting)
            for rule, code in self._waits_for_others
            for waiting in self._waiting_alert(rule, code)
            if waiting.reason in WAITS_FOR_OTHERS and not still_holds(self.world, rule, code, waiting, now)
        ]
        Messenger(self.world, now, self._out).judge(cases)

    def _escalations(self, now: int, ready: set[Key]) -> None:
        for rule, code, alert in self._open(ready):
            Messenger(self.world, now, self._out).escalated(rule, code, alert)

    def _repeats(self, now: int, ready: set[Key]) -> None:
        for rule, code, alert in self._open(ready):
            Messenger(self.world, now, self._out).repeated(rule, code, alert)

    def _mornings(self, now: int, ready: set[Key]) -> None:
        """Judge again what quiet hours held that have ended."""
        cases = [
            Case(rule, code, waiting)
            for rule, code in _watches(ready)
            for waiting in self.world.watches.get((rule, code), _NOTHING).waiting()
            if waiting.reason is HeldReason.QUIET_HOURS and waiting.until is not None and waiting.until <= now
        ]
        Messenger(self.world, now, self._out).judge(cases)

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
            Messenger(self.world, now, self._out).digest(cases)

    def _gathered(self, rule: str, official: str, regions: Iterable[str]) -> list[Case]:
        """Return what goes out with the digest; where a region is catching up, it is late."""
        ready = []
        for code in sorted(regions):
            alert = self.world.alert(rule, code)
            assert alert is not None, "an alert that ends leaves its digests"
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

    def _finish(self, mover: Mover) -> None:
        """Give the messages after all moves."""
        mover.tell()
        self._check_held = self._check_held or mover.unmuted

    # Events.

    def _read(self, event: SnapshotRead) -> None:
        world, snapshot, now = self.world, event.snapshot, self._now()
        code, as_of = snapshot.region, to_ms(snapshot.as_of)
        mark = Mark(snapshot.position, as_of)
        region = world.regions.get(code)
        if region is not None and mark <= region.mark:
            return
        if region is None:
            region = world.regions[code] = Region(snapshot, mark, min(as_of, now), world.version)
        else:
            before = {basis: potential.value for basis, potential in region.snapshot.potential.items()}
            region.snapshot, region.mark, region.potential_before = snapshot, mark, before
            region.t = max(region.t, min(as_of, now))
        world.touch("region", code)
        self._judge_region(code, region, now)

    def _judge_region(self, code: str, region: Region, now: int) -> None:
        """Judge the newest snapshot by every rule that watches the region."""
        world, mover, seen = self.world, Mover(self.world, now, self._out), []
        for rule in world.by_level[level_of(code)]:
            if not rule.everywhere and not rule.rule.covers(code):
                continue
            id_ = rule.rule.id
            watch = world.watches.get((id_, code))
            t = region.t if rule.version <= region.version else max(region.t, rule.given)
            if watch is not None:
                t = t if watch.t is None else max(t, watch.t)
            if watch is not None or isinstance(rule.rule.kind, Silent):
                world.touch("watch", id_, code)
            if mover.judge(rule, code, region, t) and id_ not in region.seen:
                seen.append(id_)
        if seen:
            region.seen = _interned(region.seen.union(seen))
        self._finish(mover)

    def _put_rules(self, event: RulesGiven) -> None:
        """Close what is no longer watched, and judge every region by new and changed rules."""
        world, now = self.world, self._now()
        world.version += 1
        before, given = world.rules, {rule.id: rule for rule in event.rules}
        kept = {id_: old for id_, old in before.items() if given.get(id_) == old.rule}
        made = [kept.get(id_) or RuleInForce.make(rule, world.version, now) for id_, rule in given.items()]
        world.put_rules(made)
        mover, codes = Mover(world, now, self._out), sorted(world.regions)
        for id_ in sorted((before.keys() | given.keys()) - kept.keys()):
            for code in codes:
                self._change(mover, before.get(id_), world.rules.get(id_), code)
        self._check_held = True
        self._finish(mover)

    def _change(self, mover: Mover, old: RuleInForce | None, new: RuleInForce | None, code: str) -> None:
        """Judge a region by a rule that is new or changed, or close what it had there."""
        world, now = self.world, self._now()
        if new is not None and new.rule.covers(code):
            region = world.regions[code]
            if mover.judge(new, code, region, now) and new.rule.id not in region.seen:
                region.seen = _interned(region.seen | {new.rule.id})
                world.touch("region", code)
            world.touch("watch", new.rule.id, code)
        elif old is not None and old.rule.covers(code):
            mover.close(old.rule, code, MoveReason.RULE_REMOVED if new is None else MoveReason.OUT_OF_SCOPE)

    def _put_officials(self, event: OfficialsGiven) -> None:
        self.world.directory = Directory(event.officials)

    def _silence(self, event: SilenceGiven) -> None:
        self.world.silences[event.silence.id] = event.silence
        self._check_held = True
        self.world.touch("silence", event.silence.id)

    def _unsilence(self, event: SilenceEnded) -> None:
        self.world.silences.pop(event.id, None)
        self._check_held = True
        self.world.touch("silence", event.id)

    def _acknowledge(self, event: Acknowledged) -> None:
        alert = self.world.alert(event.rule, event.region)
        if alert is not None and alert.acknowledged_by is None:
            alert.acknowledged_by = event.official
            Messenger(self.world, self._now(), self._out).acknowledged(event.rule, event.region, alert)

    def _retire(self, event: RegionRetired) -> None:
        mover = Mover(self.world, self._now(), self._out)
        for rule in self.world.rules.values():
            mover.close(rule.rule, event.region, MoveReason.OUT_OF_SCOPE)
        self.world.regions.pop(event.region, None)
        self.world.touch("region", event.region)
        self._finish(mover)

    def _tick(self, event: Tick) -> None:
        """Nothing happens but time."""

    def _now(self) -> int:
        assert self.world.now is not None, "time has come to the event"
        return self.world.now

    # Indexes.

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


_INTERNED: Final[dict[frozenset[str], frozenset[str]]] = {}
"""Most regions of a level are seen by the same rules: they share one set."""


def _interned(ids: frozenset[str]) -> frozenset[str]:
    return _INTERNED.setdefault(ids, ids)
