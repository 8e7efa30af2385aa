"""When a region's snapshot may go out."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.publishing.pacing import Pacer
from tests.fakes import ManualClock

SECOND = timedelta(seconds=1)


def group_of(region: str) -> str:
    """Let regions of one province wait together."""
    return region[:2]


def anything(_group: str) -> bool:
    """Want every group."""
    return True


def test_the_first_change_goes_out_at_once_and_the_last_after_a_second() -> None:
    """Leading edge at once, trailing edge after the rest, then nothing more."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    pacer.touch(["11"])
    assert pacer.take(clock.now(), anything, 9) == ["11"]
    pacer.touch(["11"])
    clock.advance(timedelta(milliseconds=400))
    assert pacer.take(clock.now(), anything, 9) == []
    assert pacer.wait(clock.now()) == timedelta(milliseconds=600)
    clock.advance(timedelta(milliseconds=600))
    assert pacer.take(clock.now(), anything, 9) == ["11"]
    assert pacer.wait(clock.now()) is None


def test_what_is_only_taken_again_goes_in_its_turn() -> None:
    """Some at a time, first noted first taken; one that changes meanwhile goes with the changes, and not twice."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    pacer.touch_again(["11", "12", "13", "14"])
    pacer.touch(["14"])
    pacer.touch_again(["14"])
    assert pacer.take_again(clock.now(), 2) == ["11", "12"]
    assert pacer.take(clock.now(), anything, 9) == ["14"]
    pacer.touch_again(["11"])
    assert pacer.take_again(clock.now(), 2) == ["13"]
    assert pacer.take_again(clock.now(), 2) == []
    assert pacer.wait(clock.now()) == SECOND
    clock.advance(SECOND)
    assert pacer.take_again(clock.now(), 2) == ["11"]
    assert pacer.wait(clock.now()) is None


def test_what_is_taken_again_may_rest_while_changes_go_on() -> None:
    """Until the rest is over nothing is taken once more, and whoever waits waits for its end."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    pacer.touch_again(["11", "12"])
    pacer.rest_again(clock.now() + 5 * SECOND)
    assert pacer.take_again(clock.now(), 2) == []
    assert pacer.wait(clock.now()) == 5 * SECOND
    pacer.touch(["13"])
    assert pacer.wait(clock.now()) == timedelta(0)
    assert pacer.take(clock.now(), anything, 9) == ["13"]
    clock.advance(5 * SECOND)
    assert pacer.wait(clock.now()) == timedelta(0)
    assert pacer.take_again(clock.now(), 2) == ["11", "12"]


def test_a_region_rests_from_when_it_was_read() -> None:
    """Between being taken and being read it may have waited for others; those that did not wait are due before it."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    pacer.touch(["11", "12"])
    assert sorted(pacer.take(clock.now(), anything, 9)) == ["11", "12"]
    clock.advance(SECOND / 2)
    pacer.read(["11"], clock.now())
    pacer.touch(["11", "12"])
    clock.advance(SECOND / 2)
    assert pacer.take(clock.now(), anything, 9) == ["12"]
    clock.advance(SECOND / 2)
    assert pacer.take(clock.now(), anything, 9) == ["11"]


def test_groups_are_taken_whole_until_there_are_enough_regions() -> None:
    """Only wanted groups, the first to change first; the others stay due."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    pacer.touch(["11.02", "12.01", "11.01", "13.01"])
    assert sorted(pacer.take(clock.now(), lambda group: group != "12", 1)) == ["11.01", "11.02"]
    assert pacer.wait(clock.now()) == timedelta(0)
    assert pacer.take(clock.now(), lambda group: group != "12", 5) == ["13.01"]
    assert pacer.take(clock.now(), anything, 9) == ["12.01"]


def test_a_region_that_changed_while_it_was_read_rests_before_it_is_taken_again() -> None:
    """Its rest was over when it changed, and begins anew when it is read."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    pacer.touch(["11"])
    assert pacer.take(clock.now(), anything, 9) == ["11"]
    clock.advance(2 * SECOND)
    assert pacer.take(clock.now(), anything, 9) == []
    pacer.touch(["11"])
    pacer.read(["11"], clock.now())
    assert pacer.take(clock.now(), anything, 9) == []
    clock.advance(SECOND)
    assert pacer.take(clock.now(), anything, 9) == ["11"]


@given(st.lists(st.tuples(st.sampled_from(["11", "12"]), st.integers(0, 700), st.booleans()), min_size=1, max_size=40))
def test_never_twice_within_a_second_and_never_the_last_forgotten(steps: list[tuple[str, int, bool]]) -> None:
    """Whatever the rhythm of changes, each region rests a second, and its last change is followed by a taking."""
    clock, pacer = ManualClock(), Pacer(SECOND, group_of)
    taken, touched = dict[str, list[timedelta]](), dict[str, timedelta]()
    start = clock.now()

    def take() -> None:
        for region in [*pacer.take(clock.now(), anything, 9), *pacer.take_again(clock.now(), 1)]:
            taken.setdefault(region, []).append(clock.now() - start)

    for region, milliseconds, changed in steps:
        clock.advance(timedelta(milliseconds=milliseconds))
        (pacer.touch if changed else pacer.touch_again)([region])
        touched[region] = clock.now() - start
        take()
    while (wait := pacer.wait(clock.now())) is not None:
        clock.advance(wait)
        take()
    for region, times in taken.items():
        assert all(later - earlier >= SECOND for earlier, later in pairwise(times))
        assert times[-1] >= touched[region]
    assert taken.keys() == touched.keys()
