"""`rules test`: files that say which events give which lines, as `promtool test rules` does.

A file names its rules and officials, an instant `start`, and tests; each has events and the lines that are expected.
Times are instants, or how long after `start` (`0s`, `90m`). A snapshot names what matters; the rest is filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

from services.notifier.engine.directory import Official
from services.notifier.engine.events import Event, OfficialsGiven, RulesGiven, SnapshotRead, Tick
from services.notifier.engine.instants import to_text
from services.notifier.engine.lines import line_of
from services.notifier.engine.rules import Rule
from services.notifier.files.entries import (
    Entry,
    IsRegion,
    OneLine,
    Text,
    documented,
    duration_ms,
    read_text,
    validated,
)
from services.notifier.files.official_files import read_officials
from services.notifier.files.rule_files import read_rules
from services.notifier.trial.trace import command, instant_ms, trace
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import level_of, parent_of, zone_name
from shared.runtime.errors import PermanentError

_DURATION: Final = re.compile(r"\d{1,9}[smhd]", re.ASCII)
_TIMES: Final = frozenset({"at", "t", "as_of", "until", "recorded_at"})
"""Fields whose value may be written as a time after `start`."""
_COMMANDS: Final = ("silence", "unsilence", "ack")

What = Literal["move", "message", "held", "vacancy"]


class EventEntry(Entry):
    """An event: at most one of the fields beside `at`; `rules` and `officials` name files."""

    at: Text
    snapshot: dict[str, Any] | None = None
    rules: OneLine | None = None
    officials: OneLine | None = None
    silence: dict[str, Any] | None = None
    unsilence: dict[str, Any] | None = None
    ack: dict[str, Any] | None = None


class TestEntry(Entry):
    """Events, and the lines of the trace that they give; a line names the fields that matter."""

    name: OneLine
    events: tuple[EventEntry, ...]
    lines: Annotated[tuple[What, ...], Field(min_length=1)] = ("move", "message", "held", "vacancy")
    expect: tuple[dict[str, Any], ...]


class TestFile(Entry):
    """Tests of the rules of one file."""

    rules: OneLine
    officials: OneLine
    start: Text
    tests: tuple[TestEntry, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test that was run; without a difference it passed."""

    name: str
    difference: str


def run_tests(file: Path, is_region: IsRegion) -> Iterator[Outcome]:
    """Yield each test's outcome. Raises: PermanentError naming file, line and what to do."""
    tests = validated(documented(read_text(file), str(file)), TestFile, str(file))
    start = instant_ms(tests.start, f"{file}: start")
    for test in tests.tests:
        yield Outcome(test.name, _Run(file, test, start, is_region).difference(tests.rules, tests.officials))


class _Run:
    """One test."""

    def __init__(self, file: Path, test: TestEntry, start: int, is_region: IsRegion) -> None:
        self._file = file
        self._test = test
        self._start = start
        self._is_region = is_region
        self._positions = 0

    def difference(self, rules: str, officials: str) -> str:
        """Return how the lines differ from those expected; empty where they do not."""
        decisions = trace(self._rules(rules), self._officials(officials), self._events())
        got = [line for line in map(line_of, decisions) if line["what"] in self._test.lines]
        expected = [_plain(self._timed(line)) for line in self._test.expect]
        shown = [_shown(line, expected) for line in got]
        wanted = [_written(line) for line in expected]
        return "\n".join(unified_diff(wanted, shown, "expected", "got", lineterm="", n=1))

    def _events(self) -> Iterator[tuple[int, Event]]:
        for number, event in enumerate(self._test.events, start=1):
            place = f"{self._file}: test {self._test.name}, event {number}"
            at = self._instant(event.at)
            yield instant_ms(at, place), self._event(event, at, place)

    def _event(self, event: EventEntry, at: str, place: str) -> Event:
        named = event.model_fields_set - {"at"}
        if len(named) > 1:
            raise PermanentError(f"{place}: write one of {', '.join(sorted(named))}; split the event")
        if event.snapshot is not None:
            return SnapshotRead(self._snapshot(self._timed(event.snapshot), at, place))
        if event.rules is not None:
            return RulesGiven(self._rules(event.rules))
        if event.officials is not None:
            return OfficialsGiven(self._officials(event.officials))
        for kind in _COMMANDS:
            value = getattr(event, kind)
            if value is not None:
                return command(kind, self._timed(value), place)
        return Tick()

    def _snapshot(self, named: dict[str, Any], at: str, place: str) -> Snapshot:
        """Return the snapshot with what was left out filled in."""
        region = str(named.get("region", ""))
        if not self._is_region(region):
            raise PermanentError(
                f"{place}: region = {region!r}: no region has this code; write a Kemendagri code, or ID"
            )
        self._positions += 1
        people = {"registered": named.get("active", "0"), "active": "0"}
        filled = {
            "name": region, "level": level_of(region), "time_zone": zone_name(region), "parent": parent_of(region),
            **people, "unplaced": {}, "potential": {}, "coverage": {}, "flows": {}, "as_of": at, "recorded_at": None,
            "position": self._positions, **named,
        }  # fmt: skip
        filled["potential"] = {basis: _potential(value) for basis, value in filled["potential"].items()}
        try:
            return msgspec.convert(filled, Snapshot, strict=False)
        except msgspec.ValidationError as error:
            raise PermanentError(f"{place}: {error}") from error

    def _rules(self, name: str) -> tuple[Rule, ...]:
        path = self._file.parent / name
        return read_rules(read_text(path), str(path), self._is_region)

    def _officials(self, name: str) -> tuple[Official, ...]:
        path = self._file.parent / name
        return read_officials(read_text(path), str(path), self._is_region)

    def _timed(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the value with times after `start` as instants."""
        timed: dict[str, Any] = {name: self._instant(each) if name in _TIMES else each for name, each in value.items()}
        fed_at = value.get("fed_at")
        if isinstance(fed_at, dict):
            timed["fed_at"] = {source: self._instant(each) for source, each in fed_at.items()}
        return timed

    def _instant(self, written: Any) -> str:
        if isinstance(written, str) and _DURATION.fullmatch(written):
            return to_text(self._start + duration_ms(written))
        return to_text(instant_ms(written, f"{self._file}: test {self._test.name}"))


def _potential(value: Any) -> Any:
    """Return a potential of which only the number of people is written."""
    return (
        value if isinstance(value, dict) else {"value": value, "source": "", "valid_from": "0001-01-01", "version": 1}
    )


def _plain(value: Any) -> Any:
    """Return the value with every number as text, as YAML was read."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None else str(value)


def _shown(line: Mapping[str, Any], expected: Sequence[Mapping[str, Any]]) -> str:
    """Return a line of the trace as the expected line that it meets is written, else in full without its id."""
    plain = _plain(line)
    met = next((each for each in expected if _meets(plain, each)), None)
    return _written({name: each for name, each in plain.items() if name != "id"} if met is None else met)


def _meets(value: Any, wanted: Any) -> bool:
    """Say whether all that is wanted is in the value."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            name in value and _meets(value[name], each) for name, each in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(_meets, value, wanted))
    return bool(value == wanted)


def _written(line: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {each if isinstance(each, str) else json.dumps(each)}" for name, each in line.items())
