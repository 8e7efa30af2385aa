"""Which potential is in force, and what is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.coverage.domain.reference import Book, Figure, Row, in_force, is_news

MARCH = datetime(2024, 3, 1, tzinfo=UTC)
ACEH = Figure("11", "workers", date(2023, 9, 1), 1_710_891, "bps", "all who work")


def figure(**over: Any) -> Figure:
    """Return Aceh's potential with what differs."""
    return replace(ACEH, **over)


def row(of: Figure, version: int = 1, after_days: int = 0) -> Row:
    """Return the figure as recorded so many days after March began."""
    return Row(of, MARCH + timedelta(days=after_days), version)


def test_a_restatement_holds_from_its_day_and_keeps_the_older_version() -> None:
    """Aceh went from 1,710,891 to 1,601,559; what was announced before stays provable."""
    restated = figure(valid_from=date(2024, 1, 1), value=1_601_559, definition="without civil servants")
    rows = [row(ACEH), row(restated, 2)]
    assert in_force(rows, date(2023, 12, 31)) == rows[0]
    assert in_force(rows, date(2024, 1, 1)) == rows[1]
    assert in_force(rows, date(2023, 8, 31)) is None


def test_of_one_day_the_latest_recorded_holds_then_the_greatest_source() -> None:
    """A later record wins over a greater source; together, the greater source."""
    one, other = row(figure(source="a"), 1, after_days=1), row(figure(source="z"), 2)
    assert in_force([one, other], date(2024, 1, 1)) == one
    same = row(figure(source="z"), 3, after_days=1)
    assert in_force([one, other, same], date(2024, 1, 1)) == same


def test_a_null_value_withdraws() -> None:
    """Then there is no figure; an earlier one does not come back."""
    rows = [row(ACEH), row(figure(valid_from=date(2024, 1, 1), value=None), 2)]
    assert in_force(rows, date(2024, 1, 2)) is None
    assert in_force(rows, date(2023, 12, 31)) == rows[0]


def test_the_same_again_is_no_news() -> None:
    """A file sent twice adds nothing, even with two sources for one day."""
    side_by_side = [row(figure(source="a"), 1), row(figure(source="z"), 2)]
    assert not is_news(figure(source="a"), side_by_side)
    assert not is_news(figure(source="z"), side_by_side)


def test_going_back_to_an_older_figure_is_news() -> None:
    """What was restated since may be stated anew, and holds again."""
    rows = [row(ACEH), row(figure(value=5), 2, after_days=1)]
    assert is_news(ACEH, rows)
    assert is_news(figure(definition="another"), [row(ACEH)])


def test_the_book_answers_by_basis_and_takes_a_row_once() -> None:
    """A basis without a figure is absent."""
    book = Book()
    book.add(row(ACEH))
    book.add(row(ACEH))
    assert book.in_force("11", date(2024, 1, 1)) == {"workers": row(ACEH)}
    assert book.in_force("12", date(2024, 1, 1)) == {}
    assert book.regions == {"11"}
