"""Judges a rule in a region: moves its state, begins and ends alerts."""

from __future__ import annotations

from services.notifier.engine.decisions import Decision, Move
from services.notifier.engine.due import UNKNOWN_MS
from services.notifier.engine.kinds import Side, left_by_potential
from services.notifier.engine.occasions import Messenger
from services.notifier.engine.rules import FirstSight, Rule
from services.notifier.engine.states import MoveReason, Phase, Step, step
from services.notifier.engine.world import Alert, Region, RuleInForce, Watch, World


class Mover:
    """The moves of one event or of one instant, then their messages."""

    def __init__(self, world: World, now: int, out: list[Decision]) -> None:
        self._world = world
        self._now = now
        self._out = out
        self._begun: dict[tuple[str, str], tuple[Rule, Alert]] = {}
        self._ended: dict[tuple[str, str], tuple[Rule, Alert]] = {}
        self.unmuted = False
        """True once an alert has ended, which may have muted others."""

    def judge(
        self, rule: RuleInForce, code: str, region: Region, side: Side | None, watch: Watch | None, t: int
    ) -> None:
        """Judge the newest snapshot at `t`, where x stands on `side`.

        `watch` is that of the rule in the region. Without one, a rule moves only if x is on the raise side.
        """
        if watch is not None:
            self._follow(watch, side, t)
        if side is not None and not region.snapshot.catching_up:
            self._move(rule, code, region, side, t)

    def elapse(self, rule: RuleInForce, code: str) -> None:
        """Let time move the rule in the region: a judgement now that counts only if it moves."""
        world, region = self._world, self._world.regions[code]
        watch = world.watches.get((rule.rule.id, code), Watch())
        if watch.unknown_since is not None and self._now - watch.unknown_since >= UNKNOWN_MS:
            self._close_unknown(rule.rule, code, watch)
            return
        side = rule.reading.side(region.snapshot, self._now)
        if side is not None and self._move(rule, code, region, side, self._now):
            world.watches[rule.rule.id, code].t = self._now

    def close(self, rule: Rule, code: str, reason: MoveReason) -> None:
        """Close what the rule has there, without a message."""
        watch = self._world.watches.get((rule.id, code))
        if watch is not None and watch.phase is not Phase.OK:
            self._end(rule, code, watch, Step(Phase.OK, self._now, reason), self._now)
        self._forget_first_sight(rule.id, code)

    def tell(self) -> None:
        """Make the occasions of the alerts that have begun and ended, in the order of ties."""
        messenger = Messenger(self._world, self._now, self._out)
        for rule_id, code in sorted(self._begun.keys() | self._ended.keys()):
            if (rule_id, code) in self._ended:
                rule, alert = self._ended[rule_id, code]
                messenger.recovered(rule, code, alert)
            else:
                rule, alert = self._begun[rule_id, code]
                messenger.raised(rule, code, alert)

    def _follow(self, watch: Watch, side: Side | None, t: int) -> None:
        """Note since when x is unknown."""
        if side is not None:
            watch.unknown_since = None
        elif watch.unknown_since is None and watch.phase is not Phase.OK:
            watch.unknown_since = t

    def _move(self, rule: RuleInForce, code: str, region: Region, side: Side, t: int) -> bool:
        """Make the move of a judgement; say whether there was one."""
        watch = self._world.watches.get((rule.rule.id, code)) or Watch()
        quiet = rule.rule.first_sight is FirstSight.QUIET and rule.rule.id not in region.seen and side is Side.RAISE
        made = (
            Step(Phase.FIRING, t, MoveReason.RAISED)
            if quiet
            else step(watch.phase, watch.since, side, t, rule.rule.hold_ms, rule.rule.clear_ms)
        )
        if made is None:
            return False
        self._world.watches[rule.rule.id, code] = watch
        if watch.phase is Phase.OK:
            watch.because_potential = _because_potential(rule, region)
        if made.reason is MoveReason.RAISED:
            self._begin(rule.rule, code, region, watch, made, t, quiet=quiet)
        elif made.reason is MoveReason.RECOVERED:
            self._end(rule.rule, code, watch, made, t, recovers=True)
        else:
            self._line(rule.rule.id, code, watch, made, t)
        return True

    def _begin(self, rule: Rule, code: str, region: Region, watch: Watch, made: Step, t: int, *, quiet: bool) -> None:
        watch.episode += 1
        watch.alert = Alert(watch.episode, t, watch.because_potential, quiet)
        self._line(rule.id, code, watch, made, t, region)
        if not quiet:
            self._begun[rule.id, code] = rule, watch.alert

    def _end(self, rule: Rule, code: str, watch: Watch, made: Step, t: int, *, recovers: bool = False) -> None:
        self._line(rule.id, code, watch, made, t)
        alert, watch.alert, watch.unknown_since = watch.alert, None, None
        if alert is None:
            return
        self.unmuted = True
        self._leave_digests(rule.id, code, alert)
        if recovers and not alert.quiet:
            self._ended[rule.id, code] = rule, alert

    def _close_unknown(self, rule: Rule, code: str, watch: Watch) -> None:
        watch.t = self._now
        self._end(rule, code, watch, Step(Phase.OK, self._now, MoveReason.UNKNOWN), self._now, recovers=True)
        self._forget_first_sight(rule.id, code)

    def _forget_first_sight(self, rule: str, code: str) -> None:
        region = self._world.regions.get(code)
        if region is not None and rule in region.seen:
            region.seen -= {rule}
            self._world.touch("region", code)

    def _leave_digests(self, rule: str, code: str, alert: Alert) -> None:
        for official in alert.waiting:
            digest = self._world.digests.get((rule, official))
            if digest is not None and code in digest.regions:
                digest.regions.remove(code)
                self._world.touch("digest", rule, official)
                if not digest.regions:
                    del self._world.digests[rule, official]

    def _line(self, rule: str, code: str, watch: Watch, made: Step, t: int, raised_by: Region | None = None) -> None:
        """Move the state and say so."""
        episode = None if watch.alert is None else watch.alert.episode
        because = raised_by is not None and watch.because_potential
        snapshot = None if raised_by is None else raised_by.snapshot
        self._out.append(
            Move(self._now, t, rule, code, episode, watch.phase, made.phase, made.reason, because, snapshot)
        )
        watch.phase, watch.since = made.phase, made.since
        self._world.touch("watch", rule, code)


def _because_potential(rule: RuleInForce, region: Region) -> bool:
    """Say whether the snapshot leaves `ok` only because the potential changed."""
    before = region.potential_before
    return before is not None and left_by_potential(rule.reading, region.snapshot, before)
