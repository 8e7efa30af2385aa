"""Which numbers the public does not see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.public.domain.suppression import hidden_children, hidden_people


def test_one_to_nine_are_hidden_with_the_next_smallest() -> None:
    """The others and their sum would give a lone hidden number away; zero tells nothing of anyone."""
    cells = {"a": 9, "b": 10, "c": 11, "d": 0}
    assert hidden_children(cells, parent_hidden=False) == {"a", "b"}


def test_ten_is_shown() -> None:
    """Nothing is hidden where nobody is few."""
    assert hidden_children({"a": 10, "b": 0}, parent_hidden=False) == frozenset()


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40)), st.booleans())
def test_no_hidden_number_follows_from_the_shown_ones(cells: dict[str, int], parent_hidden: bool) -> None:
    """Of the children with people either none is hidden, or two, or there is no other, or the sum is hidden too."""
    hidden = hidden_children(cells, parent_hidden=parent_hidden)
    assert {child for child, number in cells.items() if 1 <= number <= 9} <= hidden
    shown = [child for child, number in cells.items() if number and child not in hidden]
    assert len(hidden) != 1 or parent_hidden or not shown


def test_forced_numbers_are_hidden_whatever_their_size() -> None:
    """A flow of a region whose count is hidden would tell the count."""
    assert hidden_children({"a": 50, "b": 60, "c": 70}, parent_hidden=False, forced={"a"}) == {"a", "b"}
    assert hidden_children({"a": 0, "b": 60}, parent_hidden=False, forced={"a"}) == frozenset()


def test_what_is_forced_serves_as_the_next_smallest() -> None:
    """No third one is hidden where two are; and the next smallest with people is hidden whatever was forced."""
    cells = {"a": 5, "b": 60, "c": 70}
    assert hidden_children(cells, parent_hidden=False, forced={"b"}) == {"a", "b"}
    assert hidden_children(cells, parent_hidden=False, forced={"c"}) == {"a", "b", "c"}
    assert hidden_children(cells | {"a": 50}, parent_hidden=False, forced={"b", "c"}) == {"b", "c"}


@pytest.mark.parametrize(
    ("cells", "parent_hidden", "hidden"),
    [
        ({"a": 5, "b": 5, "c": 0}, False, "abc"),
        ({"a": 5, "b": 6, "c": 0}, False, "ab"),
        (dict.fromkeys("abcdefghij", 1) | {"k": 0}, False, "abcdefghijk"),
        ({"a": 1, "b": 1, "c": 10, "d": 0}, False, "abc"),
        ({"a": 3, "b": 0}, True, "ab"),
        ({"a": 30, "b": 40, "c": 0}, True, "a"),
        ({"a": 0, "b": 0}, True, "ab"),
        ({"a": 0, "b": 0}, False, ""),
    ],
)
def test_all_are_hidden_where_the_sum_of_the_hidden_would_tell(
    cells: dict[str, int], parent_hidden: bool, hidden: str
) -> None:
    """Ten in ten places are one in each, unless a place may be empty; where each may have ten, the empty are shown."""
    assert hidden_people(cells, parent_hidden=parent_hidden) == set(hidden)
