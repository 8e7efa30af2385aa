"""A timeline told in a few words, run by the engine as `rules trace` runs it, and its lines as short text.

Times are minutes after START (10:00 UTC, 17:00 in Aceh). Active people are out of 100 potential workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from services.notifier.engine.decisions import Decision
from services.notifier.engine.directory import Official
from services.notifier.engine.events import Event
from services.notifier.engine.instants import to_ms
from services.notifier.engine.lines import line_of
from services.notifier.engine.rules import Rule
from services.notifier.files.official_files import officials_of
from services.notifier.files.rule_files import rules_of
from services.notifier.files.yaml_lines import Document
from services.notifier.trial.trace import EventReader, trace
from shared.regions.codes import level_of, parent_of, zone_name
from tests.alerts_kept import interrupted
from tests.alerts_scenarios import START, Dict

ACEH, BANDA, OTHER = "11", "11.71", "11.01"
NIGHT = {"from": "16:00", "to": "18:00"}
"""Quiet in Aceh from an hour before START to an hour after it."""


def rule(id_: str = "low", **over: Any) -> Dict:
    """Return a rule that is raised under 40 % in provinces and clear from 45 %; each alert is told at once."""
    values = {
        "id": id_, "title": {"id": "rendah", "en": "low"}, "kind": "threshold", "measure": "active",
        "direction": "below", "raise_below": "0.40", "clear_at": "0.45", "levels": ["province"], "hears": ["gubernur"],
        "group_wait": "0s",
    }  # fmt: skip
    return {name: value for name, value in {**values, **over}.items() if value is not None}


def official(id_: str, role: str = "gubernur", region: str = ACEH, *addresses: str, **over: Any) -> Dict:
    """Return an official with an e-mail address, their own unless others are given."""
    channels = [{"kind": "email", "address": address} for address in addresses or [f"{id_}@x"]]
    return {"id": id_, "name": id_, "role": role, "region": region, "channels": channels, **over}


def at(minutes: float, **event: Any) -> Dict:
    """Return an event so many minutes after START; without one, only time passes."""
    return {"at": _text(minutes), **event}


def snap(minutes: float, active: int | None, region: str = ACEH, as_of: float | None = None, **over: Any) -> Dict:
    """Return the event that a snapshot is written. `active`: None for no potential, so that coverage is unknown."""
    potential = {"workers": {"value": 100, "source": "BPS", "valid_from": "2025-01-01", "version": 1}}
    people = 0 if active is None else active
    values = {
        "region": region, "name": region, "level": level_of(region), "time_zone": zone_name(region),
        "parent": parent_of(region), "registered": people, "active": people,
        "unplaced": {"registered": 0, "active": 0}, "potential": {} if active is None else potential, "coverage": {},
        "flows": {}, "as_of": _text(minutes if as_of is None else as_of), "recorded_at": None,
        "position": round((minutes if as_of is None else as_of) * 60_000) + 10**9,
    }  # fmt: skip
    return at(minutes, snapshot={**values, **over})


def potential(value: int) -> Dict:
    """Return a potential of workers for a snapshot."""
    return {"workers": {"value": value, "source": "BPS", "valid_from": "2025-01-01", "version": 1}}


def silence(minutes: float, until: float, id_: str = "s", rules: list[str] | None = None, *regions: str) -> Dict:
    """Return the event that a silence begins."""
    return at(minutes, silence={"id": id_, "rules": rules, "regions": list(regions or [ACEH]), "until": _text(until)})


def ack(minutes: float, rule_id: str = "low", region: str = ACEH) -> Dict:
    """Return the event that an official acknowledges."""
    return at(minutes, ack={"rule": rule_id, "region": region, "official": "g"})


def read_all(
    rules: Sequence[Dict], officials: Sequence[Dict], events: Iterable[Dict]
) -> tuple[tuple[Rule, ...], tuple[Official, ...], list[tuple[int, Event]]]:
    """Return rules, officials and events as the engine takes them; none may be refused."""
    reader = EventReader("events", lambda _: True, _refuse)
    lines = [json.dumps(event).encode() for event in events]
    return (
        rules_of(Document({"rules": list(rules)}), "rules", lambda _: True),
        officials_of(Document({"officials": list(officials)}), "officials", lambda _: True),
        list(reader.read(lines)),
    )


def traced(rules: Sequence[Dict], officials: Sequence[Dict], events: Iterable[Dict]) -> list[Dict]:
    """Return the lines of the trace."""
    return lines_of(trace(*read_all(rules, officials, events)))


def lines_of(decisions: Iterable[Decision]) -> list[Dict]:
    """Return the decisions as lines that went through JSON."""
    found: list[Dict] = [json.loads(json.dumps(line_of(decision))) for decision in decisions]
    return found


def told(rules: Sequence[Dict], officials: Sequence[Dict], *events: Dict, moves: bool = False) -> list[str]:
    """Return the trace in short: minutes, then `raised g low/11#1`, `muted raised g low/11#1` or `vacant gubernur`."""
    return [_short(line) for line in _kept(rules, officials, events) if moves or line["what"] != "move"]


def moved(rules: Sequence[Dict], *events: Dict) -> list[str]:
    """Return the moves in short: minutes, `ok>firing raised low/11#1`."""
    return [_short(line) for line in _kept(rules, [], events) if line["what"] == "move"]


def _kept(rules: Sequence[Dict], officials: Sequence[Dict], events: Sequence[Dict]) -> list[Dict]:
    """Return the lines of the trace, which are the same where the engine is stopped after each event."""
    lines = traced(rules, officials, events)
    assert lines_of(interrupted(*read_all(rules, officials, events))) == lines
    return lines


def _short(line: Dict) -> str:
    minutes = (to_ms(_instant(line["at"])) - to_ms(START)) / 60_000
    when = f"{minutes:g}"
    if line["what"] == "move":
        return f"{when} {line['from']}>{line['to']} {line['reason']} {_alert(line)}"
    if line["what"] == "message":
        own = line["channel"] == f"email:{line['official']}@x"
        official = line["official"] if own else f"{line['official']}={line['channel']}"
        return f"{when} {line['occasion']} {official} {' '.join(map(_alert, line['alerts']))}"
    if line["what"] == "held":
        return f"{when} {line['reason']} {line['occasion']} {line['official']} {_alert(line)}"
    return f"{when} vacant {line['role']} {line['rule']}/{line['region']}"


def _alert(line: Dict) -> str:
    episode = "" if line["episode"] is None else f"#{line['episode']}"
    because = f" because {line['because']}" if "because" in line else ""
    return f"{line['rule']}/{line['region']}{episode}{because}"


def _instant(text: str) -> Any:
    return START.fromisoformat(text)


def _text(minutes: float) -> str:
    moment = START + timedelta(milliseconds=round(minutes * 60_000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refuse(warning: str) -> None:
    raise AssertionError(warning)
