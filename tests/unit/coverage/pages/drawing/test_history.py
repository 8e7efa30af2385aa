"""A region's history as a figure."""

from __future__ import annotations

from datetime import date

from services.coverage.pages.drawing.history import history_figure
from shared.drawing.chart import Break, Chart, Point

POINTS = [Point(date(2026, month, 28), 0.3 + month / 100) for month in range(1, 11)]


def test_breaks_are_listed_with_day_and_reason() -> None:
    """In the order of their numbers on the chart; one that lies before the chart is in neither."""
    breaks = [Break(date(2025, 7, 1), "Sakernas 2025"), Break(date(2026, 7, 1), "Sakernas <2026>")]
    drawn = history_figure(Chart("Cakupan aktif", POINTS, "ratio", "id", breaks=breaks))
    assert drawn.count("<li>") == 1
    assert "1 Jul 2026: definisi potensi berubah" in drawn
    assert "(Sakernas &lt;2026&gt;)" in drawn
    assert "<figcaption>Cakupan aktif</figcaption>" in drawn


def test_without_breaks_there_is_no_list() -> None:
    """An empty list would be announced."""
    assert "<ol" not in history_figure(Chart("Active", POINTS, "ratio", "en"))
