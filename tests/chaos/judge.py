"""Judges a topic of changes: its numbers, that nothing is out twice, and what it sums to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from shared.contracts.changes import Change
from tests.oracle import Counts, counted
from tests.topic_records import Kept


def applied(topic: Mapping[int, Sequence[Kept]]) -> list[tuple[str, Change]]:
    """Return key and change of each number, as a reader applies them.

    A number that comes again is the same record; none is skipped: else AssertionError.
    """
    changes: list[tuple[str, Change]] = []
    for partition, records in topic.items():
        seen: list[Kept] = []
        for record in records:
            change = msgspec.json.decode(record.value, type=Change)
            assert change.seq <= len(seen), f"partition {partition}: expected {len(seen)}, saw {change.seq}"
            if change.seq == len(seen):
                seen.append(record)
                changes.append((record.key.decode(), change))
            assert seen[change.seq] == record, f"partition {partition}: {change.seq} was given twice"
    return changes


def standing(changes: Sequence[tuple[str, Change]]) -> Counts:
    """Return what the changes sum to; of one change in one regency never less than none, never more than one."""
    sums: Counter[tuple[str, str]] = Counter()
    total: Counts = Counter()
    for regency, change in changes:
        sums[regency, change.change_id] += change.diff
        stands = sums[regency, change.change_id]
        assert stands in (0, 1), f"{change.change_id} in {regency} stands {stands} times at seq {change.seq}"
        for state, sign in ((change.before, -1), (change.after, 1)):
            for region, measure in counted(state) if state else ():
                total[region, measure, change.effective_day] += sign * change.diff
    return Counter({key: number for key, number in total.items() if number})
