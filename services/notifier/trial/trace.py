"""`rules trace`: events from NDJSON through the engine, without Kafka, MongoDB or real time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from services.notifier.engine.decisions import Decision
from services.notifier.engine.directory import Official
from services.notifier.engine.engine import Engine
from services.notifier.engine.events import (
    Acknowledged,
    Event,
    OfficialsGiven,
    RulesGiven,
    SilenceEnded,
    SilenceGiven,
    SnapshotRead,
    Tick,
)  # fmt: skip
from services.notifier.engine.instants import to_ms
from services.notifier.engine.rules import Rule
from services.notifier.engine.world import Silence, World
from services.notifier.files.entries import Code, Entry, IsRegion, Refused, documented, validated
from services.notifier.files.official_files import officials_of
from services.notifier.files.rule_files import rules_of
from services.notifier.files.snapshots import decode
from services.notifier.files.yaml_lines import Document
from shared.adapters.dead_letters import UnusableRecord
from shared.runtime.errors import PermanentError

_CODE: Final = re.compile(r"ID|\d\d(\.\d\d(\.\d\d(\.\d{4})?)?)?", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_KINDS: Final = ("snapshot", "rules", "officials", "silence", "unsilence", "ack")

Warn = Callable[[str], None]


class _SilenceLine(Entry):
    id: str
    rules: tuple[str, ...] | None = None
    regions: tuple[Code, ...]
    until: str


class _UnsilenceLine(Entry):
    id: str


class _AckLine(Entry):
    rule: str
    region: Code
    official: str


class EventReader:
    """Reads lines of events; `warn` is told of rules and officials that are refused while others stay in force."""

    def __init__(self, file: str, is_region: IsRegion, warn: Warn) -> None:
        self._file = file
        self._is_region = is_region
        self._warn = warn

    def read(self, lines: Iterable[bytes]) -> Iterator[tuple[int, Event]]:
        """Yield each line's instant and event. Raises: PermanentError naming the line."""
        last: int | None = None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            place = f"{self._file}:{number}"
            at, event = self._event(line, place)
            if last is not None and at < last:
                raise PermanentError(f"{place}: at goes back; write the events in the order of their instants")
            last = at
            yield at, event

    def _event(self, line: bytes, place: str) -> tuple[int, Event]:
        try:
            parts = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        except (ValueError, RecursionError) as error:
            raise PermanentError(f"{place}: this is no JSON object: {error}") from error
        parts = {name: part for name, part in parts.items() if bytes(part) != b"null"}
        kinds = sorted(parts.keys() - {"at", "tick"})
        if "at" not in parts or len(kinds) > 1 or any(kind not in _KINDS for kind in kinds):
            named = ", ".join(_KINDS)
            raise PermanentError(f"{place}: write `at` and at most one of {named}; found {', '.join(sorted(parts))}")
        at = instant_ms(_json(parts["at"], place), f"{place}: at")
        if not kinds:
            return at, Tick()
        return at, self._read(kinds[0], parts[kinds[0]], place)

    def _read(self, kind: str, part: msgspec.Raw, place: str) -> Event:
        if kind == "snapshot":
            return _snapshot(bytes(part), place)
        if kind in ("rules", "officials"):
            return self._file_content(kind, part, place)
        return command(kind, _json(part, place), place)

    def _file_content(self, kind: str, part: msgspec.Raw, place: str) -> Event:
        """Return the file's rules or officials; those in force stay where it is refused."""
        try:
            content = _json(part, place)
            where = f"{place}: {kind}"
            document = documented(content, where) if isinstance(content, str) else Document(_as_file(kind, content))
            if kind == "rules":
                return RulesGiven(rules_of(document, where, self._is_region))
            return OfficialsGiven(officials_of(document, where, self._is_region))
        except Refused as refused:
            self._warn(f"{refused}\n{place}: refused; the {kind} in force stay")
            return Tick()


def _as_file(kind: str, content: Any) -> Any:
    """Return the content as the file has it, where only its list is given."""
    return {kind: content} if isinstance(content, list) else content


def _json(part: msgspec.Raw, place: str) -> Any:
    """Return the value, with numbers as they are written."""
    try:
        return json.loads(bytes(part), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise PermanentError(f"{place}: this is no JSON: {error}") from error


def instant_ms(text: object, place: str) -> int:
    """Return the instant of a text. Raises: PermanentError naming the place."""
    try:
        if isinstance(text, str) and _INSTANT.fullmatch(text):
            return to_ms(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise PermanentError(f"{place} = {text!r}: write an instant with its zone, such as 2026-03-03T10:00:00.000Z")


def _snapshot(part: bytes, place: str) -> SnapshotRead:
    try:
        region = msgspec.json.decode(part, type=dict[str, Any]).get("region")
        snapshot = decode(str(region).encode(), part, lambda code: _CODE.fullmatch(code) is not None)
    except (ValueError, RecursionError, UnusableRecord) as error:
        raise PermanentError(f"{place}: this is no snapshot of coverage.updated.v1: {error}") from error
    assert snapshot is not None, "only a tombstone is none"
    if any(fed_at.tzinfo is None for fed_at in snapshot.fed_at.values()):
        raise PermanentError(f"{place}: fed_at: write instants with their zone")
    return SnapshotRead(snapshot)


def command(kind: str, value: Any, place: str) -> Event:
    """Return a silence, its end or an acknowledgement. Raises: Refused naming the place."""
    where = f"{place}: {kind}"
    if kind == "silence":
        silence = validated(Document(value), _SilenceLine, where)
        rules = None if silence.rules is None else frozenset(silence.rules)
        until = instant_ms(silence.until, f"{where}: until")
        return SilenceGiven(Silence(silence.id, rules, frozenset(silence.regions), until))
    if kind == "unsilence":
        return SilenceEnded(validated(Document(value), _UnsilenceLine, where).id)
    ack = validated(Document(value), _AckLine, where)
    return Acknowledged(ack.rule, ack.region, ack.official)


def trace(
    rules: tuple[Rule, ...], officials: tuple[Official, ...], events: Iterable[tuple[int, Event]]
) -> Iterator[Decision]:
    """Yield the decisions in the order of instants; rules and officials are in force from the first event on."""
    engine: Engine | None = None
    for at, event in events:
        if engine is None:
            engine = Engine(World())
            yield from engine.apply(at, RulesGiven(rules))
            yield from engine.apply(at, OfficialsGiven(officials))
        yield from engine.apply(at, event)
