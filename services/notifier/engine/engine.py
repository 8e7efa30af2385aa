"""The one engine: an event in, decisions out, and the state moves on (alerts.md, ADR 0031).

At one instant, what time makes due comes first; then events in their order, each with its moves, its messages, and what
it makes due at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from services.notifier.engine.clock import Clock
from services.notifier.engine.decisions import Decision, Move
from services.notifier.engine.directory import Directory
from services.notifier.engine.events import (
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
from services.notifier.engine.instants import to_ms
from services.notifier.engine.kinds import Side
from services.notifier.engine.moves import Mover
from services.notifier.engine.occasions import Messenger
from services.notifier.engine.states import MoveReason
from services.notifier.engine.world import Mark, Region, RuleInForce, World


class TimeWentBack(ValueError):  # noqa: N818 - it says what happened
    """An event is older than the one before it."""


class Engine:
    """Applies events to a world. Nothing else changes that world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._clock = Clock(world)
        self._seen: dict[frozenset[str], frozenset[str]] = {}
        self._handled: Final[dict[type, Callable[..., None]]] = {
            SnapshotRead: self._read, RulesGiven: self._put_rules, OfficialsGiven: self._put_officials,
            SilenceGiven: self._silence, SilenceEnded: self._unsilence, Acknowledged: self._acknowledge,
            RegionRetired: self._retire, Tick: self._tick,
        }  # fmt: skip

    def apply(self, at: int, event: Event) -> list[Decision]:
        """Return the decisions up to the instant, then those of the event.

        Raises: TimeWentBack when the instant is before the last.
        """
        if self.world.now is not None and at < self.world.now:
            raise TimeWentBack("events are given in the order of their instants")
        decisions: list[Decision] = []
        self._clock.out = decisions
        self._clock.pass_time(at)
        self._handled[type(event)](event)
        self._clock.settle(at)
        return decisions

    def _read(self, event: SnapshotRead) -> None:
        world, snapshot, now = self.world, event.snapshot, self._now()
        code, as_of = snapshot.region, to_ms(snapshot.as_of)
        mark = Mark(snapshot.position, as_of)
        region = world.regions.get(code)
        if region is not None and mark <= region.mark:
            return
        if region is None:
            region = world.regions[code] = world.make_region(snapshot, mark, min(as_of, now), world.version)
        else:
            before = region.potentials
            region.snapshot, region.mark, region.potential_before = snapshot, mark, before
            region.t = max(region.t, min(as_of, now))
        world.touch("region", code)
        self._judge_region(code, region, now)

    def _judge_region(self, code: str, region: Region, now: int) -> None:
        """Judge the newest snapshot by every rule that watches the region."""
        world, mover, seen = self.world, Mover(self.world, now, self._clock.out), []
        snapshot, known, own_t, version = region.snapshot, region.seen, region.t, region.version
        watches, counts = world.watches, not snapshot.catching_up
        for rule in world.watching(code):
            id_, watch = rule.id, watches.get((rule.id, code))
            t = own_t if rule.version <= version else max(own_t, rule.given)
            if watch is not None and watch.t is not None:
                t = max(t, watch.t)
            if watch is not None or rule.is_silent:
                world.touch("watch", id_, code)
            side = rule.side(snapshot, t)
            if watch is not None or side is Side.RAISE:
                mover.judge(rule, code, region, side, watch, t)
            if counts and side is not None and id_ not in known:
                seen.append(id_)
        if seen:
            self._note_seen(region, seen)
        self._clock.finish(mover)

    def _put_rules(self, event: RulesGiven) -> None:
        """Close what is no longer watched, and judge every region by new and changed rules."""
        world, now = self.world, self._now()
        world.version += 1
        before, given = world.rules, {rule.id: rule for rule in event.rules}
        kept = {id_: old for id_, old in before.items() if given.get(id_) == old.rule}
        made = [kept.get(id_) or RuleInForce.make(rule, world.version, now) for id_, rule in given.items()]
        world.put_rules(made)
        out = self._clock.out
        mover, moves_from = Mover(world, now, out), len(out)
        # Region by region, so that each snapshot is unpacked once; the moves are then put in the order of ties.
        changed = [(before.get(id_), world.rules.get(id_)) for id_ in (before.keys() | given.keys()) - kept.keys()]
        for code in world.regions:
            for old, new in changed:
                self._change(mover, old, new, code)
        out[moves_from:] = sorted(out[moves_from:], key=_order_of_ties)
        self._clock.check_held = True
        self._clock.finish(mover)

    def _change(self, mover: Mover, old: RuleInForce | None, new: RuleInForce | None, code: str) -> None:
        """Judge a region by a rule that is new or changed, or close what it had there."""
        world, now = self.world, self._now()
        if new is not None and new.rule.covers(code):
            region, watch = world.regions[code], world.watches.get((new.id, code))
            side = new.side(region.snapshot, now)
            if watch is not None or side is Side.RAISE:
                mover.judge(new, code, region, side, watch, now)
            if side is not None and not region.snapshot.catching_up and new.id not in region.seen:
                self._note_seen(region, [new.id])
                world.touch("region", code)
            if watch is not None or new.is_silent:
                world.touch("watch", new.id, code)
        elif old is not None and old.rule.covers(code):
            mover.close(old.rule, code, MoveReason.RULE_REMOVED if new is None else MoveReason.OUT_OF_SCOPE)

    def _note_seen(self, region: Region, rules: Iterable[str]) -> None:
        """Note that the rules have judged a known x there. Most regions of a level share one set."""
        seen = region.seen.union(rules)
        region.seen = self._seen.setdefault(seen, seen)

    def _put_officials(self, event: OfficialsGiven) -> None:
        self.world.directory = Directory(event.officials)

    def _silence(self, event: SilenceGiven) -> None:
        self.world.silences[event.silence.id] = event.silence
        self._clock.check_held = True
        self.world.touch("silence", event.silence.id)

    def _unsilence(self, event: SilenceEnded) -> None:
        self.world.silences.pop(event.id, None)
        self._clock.check_held = True
        self.world.touch("silence", event.id)

    def _acknowledge(self, event: Acknowledged) -> None:
        alert = self.world.alert(event.rule, event.region)
        if alert is not None and alert.acknowledged_by is None:
            alert.acknowledged_by = event.official
            Messenger(self.world, self._now(), self._clock.out).acknowledged(event.rule, event.region, alert)

    def _retire(self, event: RegionRetired) -> None:
        mover = Mover(self.world, self._now(), self._clock.out)
        for rule in self.world.rules.values():
            mover.close(rule.rule, event.region, MoveReason.OUT_OF_SCOPE)
        self.world.regions.pop(event.region, None)
        self.world.touch("region", event.region)
        self._clock.finish(mover)

    def _tick(self, event: Tick) -> None:
        """Nothing happens but time."""

    def _now(self) -> int:
        assert self.world.now is not None  # Time has come to the event.
        return self.world.now


def _order_of_ties(move: Decision) -> tuple[str, str]:
    assert isinstance(move, Move)  # Messages come after all moves.
    return move.rule, move.region
