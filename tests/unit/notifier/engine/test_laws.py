"""Laws of the engine: it equals the plain second reading of alerts.md, and only events and their instants decide."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.alerts_kept import interrupted
from tests.alerts_oracle import Oracle, instant, text
from tests.alerts_scenarios import Dict, scenario
from tests.alerts_trace import lines_of, read_all, traced

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_the_trace_equals_the_plain_second_reading(seed: int) -> None:
    """Engine and oracle print the same lines, ids and order."""
    rules, officials, events = scenario(seed)
    assert traced(rules, officials, events) == Oracle(rules, officials).run(events)


@given(SEEDS)
def test_splitting_time_changes_nothing(seed: int) -> None:
    """Ticks between events, and at the very instant of an event, change no decision."""
    rules, officials, events = scenario(seed)
    assert traced(rules, officials, _with_ticks(events, Random(seed))) == traced(rules, officials, events)


@given(SEEDS)
def test_saving_and_loading_changes_nothing(seed: int) -> None:
    """A world that is stored, by its touched pieces, and loaded between any two events decides as one that is kept."""
    rules, officials, events = scenario(seed)
    assert lines_of(interrupted(*read_all(rules, officials, events))) == traced(rules, officials, events)


@given(SEEDS)
def test_reading_all_snapshots_again_changes_nothing(seed: int) -> None:
    """Snapshots that come again are not newer than what is known: nobody is told anything."""
    rules, officials, events = scenario(seed)
    again = [{**event, "at": events[-1]["at"]} for event in events if "snapshot" in event]
    assert traced(rules, officials, events + again) == traced(rules, officials, events)


def _with_ticks(events: list[Dict], random: Random) -> list[Dict]:
    split: list[Dict] = []
    for event in events:
        if split:
            before, after = instant(split[-1]["at"]), instant(event["at"])
            parts = sorted(random.choice([0, 1, random.random()]) for _ in range(3))
            ticks = [
                before + timedelta(milliseconds=(after - before) // timedelta(milliseconds=1) * part) for part in parts
            ]
            split += [{"at": text(tick)} for tick in ticks]
        split.append(event)
    return split
