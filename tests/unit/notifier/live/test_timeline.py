"""Laws of the order of time: in whichever portions sources are read, one order comes out."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.live.timeline import Entry, Timeline

SOURCES = range(3)
WRITTEN = st.lists(st.lists(st.integers(0, 30), max_size=8), min_size=3, max_size=3)
"""What each source holds: instants, which may go back."""


@given(WRITTEN, st.randoms(use_true_random=False))
def test_any_portions_give_one_order(written: list[list[int]], random: Random) -> None:
    """Which source is read when, and how much of it at once, changes nothing; nothing is lost or given twice."""
    assert read_in_portions(written, random) == read_in_portions(written, Random(0))
    assert sorted((source, number) for _, source, number, _ in read_in_portions(written, random)) == [
        (source, number) for source in SOURCES for number in range(len(written[source]))
    ]


@given(WRITTEN, st.randoms(use_true_random=False))
def test_instants_never_go_back(written: list[list[int]], random: Random) -> None:
    """Neither over all sources nor within one, where the order of reading is kept."""
    taken = read_in_portions(written, random)
    assert taken == sorted(taken, key=lambda entry: entry[:3])
    for source in SOURCES:
        numbers = [entry.number for entry in taken if entry.source == source]
        assert numbers == sorted(numbers)


def read_in_portions(written: list[list[int]], random: Random) -> list[Entry[str]]:
    """Return what a timeline gives while sources are read in random portions, then to their ends."""
    timeline: Timeline[str] = Timeline(SOURCES)
    read, taken = [0, 0, 0], list[Entry[str]]()
    while any(read[source] < len(written[source]) for source in SOURCES):
        source = random.choice(SOURCES)
        until = random.randint(read[source], len(written[source]))
        portion = range(read[source], until)
        timeline.add(source, [(written[source][number], number, f"{source}/{number}") for number in portion])
        read[source] = until
        taken += timeline.take()
    for source in SOURCES:
        timeline.complete(source, 100)
    return taken + list(timeline.take())


def test_an_entry_waits_until_no_source_can_give_an_earlier_one() -> None:
    """What is read to its end is known up to then; what is not, up to before its newest entry."""
    timeline: Timeline[str] = Timeline([0, 1])
    timeline.add(0, [(5, 0, "a"), (9, 1, "b")])
    assert (timeline.known, list(timeline.take())) == (-1, [])
    timeline.complete(1, 6)
    assert (timeline.known, [entry.what for entry in timeline.take()]) == (6, ["a"])
    timeline.complete(1, 20)
    assert (timeline.known, list(timeline.take())) == (8, [])
    timeline.complete(0, 20)
    assert (timeline.known, [entry.what for entry in timeline.take()]) == (20, ["b"])


def test_an_entry_before_what_was_complete_counts_after_it() -> None:
    """A clock that is behind changes no past: time has come to that instant already."""
    timeline: Timeline[str] = Timeline([0], start=7)
    timeline.complete(0, 10)
    timeline.add(0, [(3, 0, "late")])
    timeline.complete(0, 12)
    assert list(timeline.take()) == [Entry(11, 0, 0, "late")]


def test_a_source_is_full_only_where_reading_on_does_not_help() -> None:
    """Many entries of one instant tell nothing of the next: more must be read."""
    timeline: Timeline[str] = Timeline([0])
    timeline.add(0, [(5, 0, "a"), (5, 1, "b")])
    assert not timeline.is_full(0, 2)
    timeline.add(0, [(6, 2, "c")])
    assert timeline.is_full(0, 2)
