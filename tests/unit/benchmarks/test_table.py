"""README's table of speeds."""

from __future__ import annotations

from benchmarks import table


def test_the_table_is_what_the_results_say() -> None:
    """Nobody wrote a figure by hand, and no result is newer than the table."""
    assert table.readme() == table.README.read_text()
