"""The stages between an occasion and its message; the first that holds it decides (alerts.md, "Each passes these")."""

from __future__ import annotations

from typing import NamedTuple

from services.notifier.engine.decisions import HeldReason, Occasion
from services.notifier.engine.rules import Severity
from services.notifier.engine.world import RuleInForce, Waiting, World
from shared.regions.codes import lineage_of


class Hold(NamedTuple):
    """Why an occasion waits and, in quiet hours, until when."""

    reason: HeldReason
    until: int | None = None


def hold(world: World, rule_id: str, region: str, waiting: Waiting, now: int, *, gathers: bool) -> Hold | None:
    """Return what holds the occasion now, None where it is told. `gathers`: it may wait for a digest."""
    rule = world.rules.get(rule_id)
    if waiting.occasion is Occasion.RAISED and muted(world, rule_id, region):
        return Hold(HeldReason.MUTED)
    if waiting.occasion is not Occasion.RECOVERED and silenced(world, rule_id, region, now):
        return Hold(HeldReason.SILENCED)
    until = None if _critical(rule) else world.directory[waiting.official].quiet_until(now)
    if until is not None:
        return Hold(HeldReason.QUIET_HOURS, until)
    if gathers and waiting.occasion is Occasion.RAISED and rule is not None and rule.rule.group_wait_ms:
        return Hold(HeldReason.GROUPED)
    return None


def muted(world: World, rule_id: str, region: str) -> bool:
    """Say whether an alert fires of the same rule in a region above, or of another rule here, that mutes this one."""
    rule = world.rules[rule_id].rule
    above = lineage_of(region)[1:] if rule.muted_by_above else ()
    return any(world.alert(rule_id, place) for place in above) or any(
        world.alert(other, region) for other in rule.muted_by
    )


def silenced(world: World, rule_id: str, region: str, now: int) -> bool:
    """Say whether a silence in force covers the rule there."""
    return any(silence.until > now and silence.covers(rule_id, region) for silence in world.silences.values())


def still_holds(world: World, rule_id: str, region: str, waiting: Waiting, now: int) -> bool:
    """Say whether the muting or the silence goes on that holds the occasion."""
    if waiting.reason is HeldReason.MUTED:
        return muted(world, rule_id, region)
    return silenced(world, rule_id, region, now)


def _critical(rule: RuleInForce | None) -> bool:
    """Say whether the rule is critical; what waits of one that is no more waited because it was not."""
    return rule is not None and rule.rule.severity is Severity.CRITICAL
