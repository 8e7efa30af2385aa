"""Pieces of the state as plain dicts, lists, texts and whole numbers, and back: what a store keeps.

A region's snapshot stays as it is, for the store has its own form of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeAlias

from services.notifier.engine.decisions import HeldReason, Occasion
from services.notifier.engine.directory import Role
from services.notifier.engine.states import Phase
from services.notifier.engine.world import Alert, Digest, Mark, Region, Silence, Told, Waiting, Watch
from shared.contracts.snapshots import Snapshot

Dict: TypeAlias = dict[str, Any]


def region_document(region: Region) -> Dict:
    """Return a region's document without its snapshot."""
    before = None if region.potential_before is None else dict(region.potential_before)
    return {
        "mark": list(region.mark), "t": region.t, "version": region.version, "potential_before": before,
        "seen": sorted(region.seen),
    }  # fmt: skip


def region_of(document: Dict, snapshot: Snapshot, make: Callable[..., Region] = Region) -> Region:
    """Return the region of a document and its newest snapshot."""
    return make(
        snapshot, Mark(*document["mark"]), document["t"], document["version"], document["potential_before"],
        frozenset(document["seen"]),
    )  # fmt: skip


def watch_document(watch: Watch) -> Dict:
    """Return the document of a rule in a region."""
    alert = None if watch.alert is None else _alert_document(watch.alert)
    return {
        "phase": str(watch.phase), "since": watch.since, "t": watch.t, "episode": watch.episode,
        "unknown_since": watch.unknown_since, "because_potential": watch.because_potential, "alert": alert,
        "recoveries": [_waiting_document(waiting) for waiting in watch.recoveries],
    }  # fmt: skip


def watch_of(document: Dict) -> Watch:
    """Return what a document holds of a rule in a region."""
    alert = document["alert"]
    return Watch(
        Phase(document["phase"]), document["since"], document["t"], document["episode"], document["unknown_since"],
        document["because_potential"], None if alert is None else _alert_of(alert),
        [_waiting_of(waiting) for waiting in document["recoveries"]],
    )  # fmt: skip


def digest_document(digest: Digest) -> Dict:
    """Return the document of a digest that gathers."""
    return {"due": digest.due, "regions": sorted(digest.regions)}


def digest_of(document: Dict) -> Digest:
    """Return the digest of a document."""
    return Digest(document["due"], set(document["regions"]))


def silence_document(silence: Silence) -> Dict:
    """Return the document of a silence."""
    rules = None if silence.rules is None else sorted(silence.rules)
    return {"id": silence.id, "rules": rules, "regions": sorted(silence.regions), "until": silence.until}


def silence_of(document: Dict) -> Silence:
    """Return the silence of a document."""
    rules = None if document["rules"] is None else frozenset(document["rules"])
    return Silence(document["id"], rules, frozenset(document["regions"]), document["until"])


def _alert_document(alert: Alert) -> Dict:
    """Return the alert's document; officials are lists, since an id may hold characters that a key may not."""
    return {
        "episode": alert.episode, "raised_t": alert.raised_t, "because_potential": alert.because_potential,
        "quiet": alert.quiet, "acknowledged_by": alert.acknowledged_by, "steps": alert.steps, "at_once": alert.at_once,
        "told": [[official, str(told.role), told.last] for official, told in alert.told.items()],
        "waiting": [_waiting_document(waiting) for waiting in alert.waiting.values()],
        "vacancies": sorted([str(occasion), part, str(role)] for occasion, part, role in alert.vacancies),
    }  # fmt: skip


def _alert_of(document: Dict) -> Alert:
    return Alert(
        document["episode"], document["raised_t"], document["because_potential"], document["quiet"],
        document["acknowledged_by"], document["steps"], document["at_once"],
        {official: Told(Role(role), last) for official, role, last in document["told"]},
        {waiting["official"]: _waiting_of(waiting) for waiting in document["waiting"]},
        {(Occasion(occasion), part, Role(role)) for occasion, part, role in document["vacancies"]},
    )  # fmt: skip


def _waiting_document(waiting: Waiting) -> Dict:
    return {name: str(value) if isinstance(value, str) else value for name, value in asdict(waiting).items()}


def _waiting_of(document: Dict) -> Waiting:
    without, reason = document["without"], document["reason"]
    changed = {
        "occasion": Occasion(document["occasion"]), "role": Role(document["role"]),
        "without": None if without is None else tuple(without),
        "reason": None if reason is None else HeldReason(reason),
    }  # fmt: skip
    return Waiting(**document | changed)
