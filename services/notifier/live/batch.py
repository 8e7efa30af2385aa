"""Applies what was given to the engine, and gathers the documents that one transaction writes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.notifier.delivery.deliveries import delivery_document, new_delivery
from services.notifier.engine.decisions import Decision, Held, Message, Move, Vacancy
from services.notifier.engine.documents import digest_document, region_document, silence_document, watch_document
from services.notifier.engine.due import escalation_due
from services.notifier.engine.engine import Engine
from services.notifier.engine.events import Acknowledged, SnapshotRead, Tick
from services.notifier.engine.ids import alert_id
from services.notifier.engine.instants import from_ms, to_ms
from services.notifier.engine.lines import line_of
from services.notifier.engine.states import MoveReason, Phase
from services.notifier.engine.world import Key, World
from services.notifier.files.snapshots import pack
from services.notifier.live.given import Given, Record, RuleFile
from services.notifier.live.inputs import Input, Outcome
from services.notifier.live.regions import PackedRegion
from services.notifier.live.timeline import Entry
from shared.regions.codes import level_of, lineage_of, parent_of

Document = dict[str, Any]
_MOST_ENTRIES: Final = 1_000
"""More at once gain little, and a crash has to do them again."""
_MOST_DECISIONS: Final = 5_000
"""With as many, a transaction takes some seconds of the ten or more that the server allows."""
_ENDED: Final = {MoveReason.RECOVERED: "recovered"}
"""The state of an alert after the move that ends it; after any other it is closed."""
_PIECES: Final = {"region": "regions", "watch": "watches", "digest": "digests", "silence": "silences"}


@dataclass(slots=True)
class Batch:
    """What some entries led to. `writes`: by collection and id, the document, None where it is gone; `changes`: the
    fields to set, and whether the document is new. `positions`: the next offset of each partition that moved. `rules`:
    the version in force at the end; `directory`: that of the officials, where it changed.
    """

    now: int
    rules: int = 0
    writes: dict[str, dict[str, Document | None]] = field(default_factory=dict)
    changes: dict[str, dict[Any, tuple[Document, bool]]] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    directory: int | None = None
    decisions: list[Document] = field(default_factory=list)
    deliveries: list[Document] = field(default_factory=list)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to write."""
        return not (self.writes or self.changes or self.positions or self.decisions)


class Batcher:
    """Applies entries to a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._engine = Engine(world)

    def apply(self, entries: deque[Entry[Given]], now: int) -> Batch:
        """Take off entries as far as one transaction can write what they lead to; after the last, move time to `now`.

        `now`: all that was written up to then is in `entries`.
        """
        batch = Batch(self._world.now or 0)
        taken = 0
        while entries and taken < _MOST_ENTRIES and len(batch.decisions) < _MOST_DECISIONS:
            self._apply(entries.popleft(), batch)
            taken += 1
        if not entries and (self._world.now is None or now > self._world.now):
            self._note(self._engine.apply(now, Tick()), batch)
        batch.now, batch.rules = self._world.now or 0, self._world.version
        self._write_pieces(batch)
        return batch

    def _apply(self, entry: Entry[Given], batch: Batch) -> None:
        given, traceparent = entry.what, ""
        if isinstance(given, Record):
            batch.positions[entry.source] = entry.number + 1
            traceparent = given.traceparent
            if given.event is not None:
                batch.records["taken" if self._is_new(given.event) else "stale"] += 1
        if given.event is None:
            return
        if not isinstance(given, Record):
            # What is due by then belongs to the rules and officials before the event; a tick changes nothing else.
            self._note(self._engine.apply(entry.at, Tick()), batch)
        outcome = self._outcome(given)
        self._note(self._engine.apply(entry.at, given.event), batch, traceparent)
        if isinstance(given, Input):
            self._close(given, outcome, entry.at, batch)
        elif isinstance(given, RuleFile):
            self._keep_rules(given.text, batch)

    def _is_new(self, event: SnapshotRead) -> bool:
        known, snapshot = self._world.regions.get(event.snapshot.region), event.snapshot
        return known is None or (snapshot.position, to_ms(snapshot.as_of)) > known.mark

    def _outcome(self, given: Given) -> Outcome:
        if not isinstance(given.event, Acknowledged):
            return Outcome.APPLIED
        alert = self._world.alert(given.event.rule, given.event.region)
        if alert is None:
            return Outcome.NO_ALERT
        return Outcome.APPLIED if alert.acknowledged_by is None else Outcome.ALREADY

    def _close(self, given: Input, outcome: Outcome, at: int, batch: Batch) -> None:
        """Note what became of an input."""
        _change(batch, "inputs", given.id, {"applied_at": from_ms(at), "outcome": outcome.value})
        batch.directory = given.directory or batch.directory
        event = given.event
        if isinstance(event, Acknowledged) and outcome is Outcome.APPLIED:
            alert = self._world.alert(event.rule, event.region)
            assert alert is not None, "an acknowledgement ends no alert"
            told = {"by": event.official, "at": from_ms(at), "note": given.note}
            _change(batch, "alerts", alert_id(event.rule, event.region, alert.episode), {"acknowledged": told})

    def _keep_rules(self, text: str, batch: Batch) -> None:
        """Keep the version, and since which version and instant each rule is as it is."""
        world = self._world
        since = [[id_, rule.version, rule.given] for id_, rule in world.rules.items()]
        given_at = from_ms(world.now or 0)
        _put(batch, "rules", world.version, {"given_at": given_at, "text": text, "since": since})

    def _note(self, decisions: Sequence[Decision], batch: Batch, traceparent: str = "") -> None:
        alerts = self._alerts_of(decisions)
        for decision, of in zip(decisions, alerts, strict=True):
            line = line_of(decision)
            batch.reasons[line["what"], _reason_of(decision)] += 1
            batch.decisions.append({"at": from_ms(decision.at), "alerts": of, "line": line})
            if isinstance(decision, Message):
                official = self._world.directory.get(decision.official)
                assert official is not None, "only those in the directory are told"
                batch.deliveries.append(delivery_document(new_delivery(decision, official, traceparent)))
            elif isinstance(decision, Move) and decision.episode is not None:
                self._move_alert(decision, of[0], batch)

    def _alerts_of(self, decisions: Sequence[Decision]) -> list[list[str]]:
        """Return the ids of the alerts that each decision belongs to.

        A move before an alert belongs to the one that may follow; a vacancy to the one that has just begun.
        """
        found: list[list[str]] = []
        later: Counter[tuple[str, str]] = Counter()
        for decision in reversed(decisions):
            match decision:
                case Message(alerts=alerts):
                    found.append([alert.id for alert in alerts])
                case Held(alert=alert):
                    found.append([alert.id])
                case Move(rule=rule, region=region) | Vacancy(rule=rule, region=region):
                    episode = decision.episode if isinstance(decision, Move) else None
                    if episode is None:
                        is_before = isinstance(decision, Move)
                        episode = self._world.watches[rule, region].episode - later[rule, region] + is_before
                    found.append([alert_id(rule, region, episode)])
                    if isinstance(decision, Move) and decision.reason is MoveReason.RAISED:
                        later[rule, region] += 1
        return found[::-1]

    def _move_alert(self, move: Move, id_: str, batch: Batch) -> None:
        if move.reason is MoveReason.RAISED:
            assert move.raised_by is not None, "a raise keeps its snapshot"
            rule, watch = self._world.rules[move.rule].rule, self._world.watches[move.rule, move.region]
            began = {
                "rule": move.rule, "rules_version": self._world.version, "region": move.region,
                "lineage": lineage_of(move.region), "level": level_of(move.region), "episode": move.episode,
                "severity": rule.severity.value, "state": move.after.value, "raised_at": from_ms(move.t),
                "ended_at": None, "end_reason": None, "because_potential": move.because_potential,
                "quiet": watch.alert is not None and watch.alert.quiet, "acknowledged": None,
                "raised_by": pack(move.raised_by), "next_at": None,
            }  # fmt: skip
            _change(batch, "alerts", id_, began, is_new=True)
        elif move.after is Phase.OK:
            state = _ENDED.get(move.reason, "closed")
            end = {"state": state, "ended_at": from_ms(move.t), "end_reason": move.reason.value, "next_at": None}
            _change(batch, "alerts", id_, end)
        else:
            _change(batch, "alerts", id_, {"state": move.after.value})

    def _write_pieces(self, batch: Batch) -> None:
        """Take the documents of what was touched."""
        for key in self._world.touched:
            name = f"{key.first}/{key.second}" if key.second else key.first
            _put(batch, _PIECES[key.piece], name, self._piece(key))
            if key.piece == "watch":
                self._show_next(key, batch)
        self._world.touched.clear()

    def _piece(self, key: Key) -> Document | None:
        world = self._world
        match key.piece:
            case "region":
                region = world.regions.get(key.first)
                if region is None:
                    return None
                assert isinstance(region, PackedRegion), "the live world packs its regions"
                return {**region_document(region), "parent": parent_of(key.first), "snapshot": region.packed}
            case "silence":
                silence = world.silences.get(key.first)
                return None if silence is None else silence_document(silence)
            case "digest":
                digest = world.digests.get((key.first, key.second))
                of = {"rule": key.first, "official": key.second}
                return None if digest is None else {**of, **digest_document(digest)}
            case "watch":
                watch = world.watches.get((key.first, key.second))
                of = {"rule": key.first, "region": key.second}
                return None if watch is None else {**of, **watch_document(watch)}

    def _show_next(self, key: Key, batch: Batch) -> None:
        """Keep with the alert when its next escalation is due."""
        alert, rule = self._world.alert(key.first, key.second), self._world.rules.get(key.first)
        if alert is not None and rule is not None:
            silent = alert.quiet or alert.acknowledged_by is not None
            due = None if silent else escalation_due(rule.rule, alert)
            next_at = None if due is None else from_ms(due)
            _change(batch, "alerts", alert_id(key.first, key.second, alert.episode), {"next_at": next_at})


def _put(batch: Batch, collection: str, id_: Any, document: Document | None) -> None:
    batch.writes.setdefault(collection, {})[id_] = document


def _change(batch: Batch, collection: str, id_: Any, fields: Mapping[str, Any], *, is_new: bool = False) -> None:
    before, was_new = batch.changes.setdefault(collection, {}).get(id_, ({}, False))
    batch.changes[collection][id_] = {**before, **fields}, was_new or is_new


def _reason_of(decision: Decision) -> str:
    match decision:
        case Move(reason=reason) | Held(reason=reason):
            return reason.value
        case Message(occasion=occasion):
            return occasion.value
        case Vacancy(role=role):
            return role.value
