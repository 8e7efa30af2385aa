"""Rows of a quota board."""

from __future__ import annotations

from markupsafe import Markup

from services.coverage.pages.drawing.villages import village_rows
from services.coverage.pages.view import View
from services.coverage.reference.domain.quota import Village

PASSES, MISSES, EMPTY = (
    Village(f"63.10.01.200{n}", "active", 100, people) for n, people in ((1, 131), (2, 40), (3, 0))
)


def drawn(*villages: Village, lapsing: dict[str, int] | None = None) -> str:
    """Return the rows, on a page of an earlier day in English."""
    view = View("en", "/wilayah/63.10/kuota", {"as_of": "2026-10-31"})
    return village_rows(villages, lapsing or {}, view, lambda code: f"Desa <{code}>", Markup, lambda n: Markup(n))


def test_each_village_has_its_state_in_words_and_a_sign() -> None:
    """Met, not met, or nobody at all."""
    rows = drawn(PASSES, MISSES, EMPTY).split("</tr>")
    assert [sign in row for row, sign in zip(rows, ("✓ met", "✕ not_met", "○ zero"), strict=False)] == [True] * 3
    assert ['class="left ok"' in row for row in rows[:3]] == [True, False, False]


def test_names_are_escaped_and_addresses_keep_day_and_language() -> None:
    """An ampersand in an attribute is an entity."""
    row = drawn(PASSES)
    assert "Desa &lt;63.10.01.2001&gt;" in row
    assert 'href="/wilayah/63.10.01.2001?as_of=2026-10-31&amp;lang=en"' in row


def test_those_who_lapse_have_a_cell_where_they_are_known() -> None:
    """Of an earlier day they are not."""
    assert '<td data-l="due_30">7</td>' in drawn(MISSES, lapsing={MISSES.region: 7})
    assert "due_30" not in drawn(MISSES)
