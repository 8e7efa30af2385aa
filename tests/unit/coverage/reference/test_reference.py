"""Which row is in force, which statement is new, and what the reference index answers; the same for every kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex, in_force, is_new, new_rows
from tests.factories_reference import index_of, row

MARCH = datetime(2024, 3, 1, tzinfo=UTC)
NEW_YEAR = date(2024, 1, 1)


def aceh(value: int | None = 1_710_891, valid_from: date = date(2023, 9, 1), **over: Any) -> RecordedRow[int]:
    """Return Aceh's potential as recorded so many days after March began."""
    recorded_at = MARCH + timedelta(days=over.pop("after_days", 0))
    return row(POTENTIALS, "11", "workers", value, valid_from, recorded_at=recorded_at, **over)


def rows() -> st.SearchStrategy[list[RecordedRow[int]]]:
    """Draw versions of one series, each recorded as the one after those before it."""
    dated = st.tuples(
        st.integers(0, 400), st.integers(0, 5), st.none() | st.integers(0, 9), st.sampled_from(["a", "z"])
    )
    return st.lists(dated, max_size=12).map(
        lambda drawn: [
            aceh(value, date(2023, 1, 1) + timedelta(days=day), source=source, after_days=later, version=n)
            for n, (day, later, value, source) in enumerate(drawn, 1)
        ]
    )


def test_a_restatement_holds_from_its_day_and_keeps_the_older_version() -> None:
    """Aceh went from 1,710,891 to 1,601,559; what held before stays provable."""
    restated = aceh(1_601_559, NEW_YEAR, definition="without construction", version=2)
    both = [aceh(), restated]
    assert in_force(both, AsOf(date(2023, 12, 31))) == both[0]
    assert in_force(both, AsOf(NEW_YEAR)) == restated
    assert in_force(both, AsOf(date(2023, 8, 31))) is None


def test_the_recorded_day_is_that_of_wib() -> None:
    """What is recorded at 18:00 UTC is known the next day in Jakarta."""
    late = row(POTENTIALS, "11", "workers", 5, recorded_at=datetime(2024, 3, 1, 18, 0, tzinfo=UTC))
    assert in_force([late], AsOf(NEW_YEAR, known_at=date(2024, 3, 1))) is None
    assert in_force([late], AsOf(NEW_YEAR, known_at=date(2024, 3, 2))) == late


def test_of_one_day_the_latest_recorded_holds_then_the_greatest_source() -> None:
    """A later record wins over a greater source; together, the greater source."""
    one, other = aceh(source="a", after_days=1), aceh(source="z", version=2)
    assert in_force([one, other], AsOf(NEW_YEAR)) == one
    same = aceh(source="z", version=3, after_days=1)
    assert in_force([one, other, same], AsOf(NEW_YEAR)) == same


def test_a_null_value_withdraws() -> None:
    """Then there is no figure; an earlier one does not come back."""
    both = [aceh(), aceh(None, NEW_YEAR, version=2)]
    assert in_force(both, AsOf(date(2024, 1, 2))) is None
    assert in_force(both, AsOf(date(2023, 12, 31))) == both[0]


@given(rows().flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))))
def test_the_order_of_arrival_never_matters(orders: tuple[list[RecordedRow[int]], list[RecordedRow[int]]]) -> None:
    """What is in force follows from the set of rows."""
    at = AsOf(date(2023, 8, 1), date(2024, 3, 4))
    assert in_force(orders[0], at) == in_force(orders[1], at)


@given(rows(), st.integers(0, 6))
def test_a_later_row_never_changes_what_was_known(drawn: list[RecordedRow[int]], days: int) -> None:
    """As known on a day, rows recorded after it are as if they were not."""
    known_at = (MARCH + timedelta(days=days)).date()
    at = AsOf(date(2024, 1, 1), known_at)
    earlier = [one for one in drawn if one.recorded_at.date() <= known_at]
    assert in_force(drawn, at) == in_force(earlier, AsOf(at.day))


def test_the_same_again_adds_nothing() -> None:
    """A file sent twice adds nothing, even with two sources for one day."""
    side_by_side = [aceh(source="a"), aceh(source="z", version=2)]
    assert not is_new(aceh(source="a").statement, side_by_side)
    assert not is_new(aceh(source="z").statement, side_by_side)


def test_going_back_to_an_older_figure_is_new() -> None:
    """What was restated since may be stated anew, and holds again."""
    both = [aceh(), aceh(5, version=2, after_days=1)]
    assert is_new(aceh().statement, both)
    assert is_new(aceh(definition="another").statement, [aceh()])


@given(rows())
def test_a_file_sent_again_is_numbered_on_and_recorded_once(drawn: list[RecordedRow[int]]) -> None:
    """Versions count from 1 without a hole, and a second time nothing is new."""
    statements = list({(one.statement.valid_from, one.statement.source): one.statement for one in drawn}.values())
    first = new_rows(statements, [], MARCH)
    assert [one.version for one in first] == list(range(1, len(statements) + 1))
    assert new_rows(statements, first, MARCH + timedelta(days=1)) == []


def test_the_index_answers_by_series_and_takes_a_row_once() -> None:
    """A series without a row in force is absent; a row bears upon all regions above."""
    reference = index_of(aceh(), aceh(), row(POTENTIALS, "11", "vulnerable", None))
    assert reference.all(POTENTIALS, "11", AsOf(NEW_YEAR)) == {"workers": aceh()}
    assert reference.one(POTENTIALS, "11", "vulnerable", AsOf(NEW_YEAR)) is None
    assert reference.all(POTENTIALS, "12", AsOf(NEW_YEAR)) == {}
    assert (reference.size, reference.regions) == (2, frozenset({"11", "ID"}))
    assert ReferenceIndex().regions == frozenset()


@given(rows(), st.dates(date(2023, 1, 1), date(2024, 12, 31)))
def test_the_same_rows_hold_on_all_days_since_the_last_on_which_one_began(
    drawn: list[RecordedRow[int]], day: date
) -> None:
    """So what follows from them may be kept from one day to the next."""
    reference = index_of(*drawn)
    assert reference.all(POTENTIALS, "11", AsOf(day)) == reference.all(
        POTENTIALS, "11", AsOf(reference.begun([POTENTIALS], day))
    )


def test_rows_are_added_together_and_a_known_one_changes_nothing() -> None:
    """Whoever took the regions or rows before sees the old ones; the size counts rows that were new."""
    index = index_of(row(POTENTIALS, "11", "workers", 40))
    before, regions = index.regions_of(POTENTIALS), index.regions
    index.add([row(POTENTIALS, "11", "workers", 40), row(POTENTIALS, "12", "workers", 50)])
    assert (sorted(before), sorted(regions)) == (["11"], ["11", "ID"])
    assert (sorted(index.regions_of(POTENTIALS)), sorted(index.regions)) == (["11", "12"], ["11", "12", "ID"])
    assert index.size == 2
