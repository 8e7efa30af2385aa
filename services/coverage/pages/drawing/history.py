"""A region's history as a chart, with the reasons for its breaks below it."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from shared.drawing.chart import Chart, chart_svg
from shared.drawing.labels import Language, day_label
from shared.drawing.svg import element

_CHANGED: Final[dict[Language, str]] = {
    "id": "definisi potensi berubah, angka sebelum dan sesudahnya tidak dapat dibandingkan",
    "en": "the definition of potential changed; figures before and after cannot be compared",
}


def history_figure(chart: Chart) -> Markup:
    """Return a figure: the chart, and a numbered list of its breaks with day and reason, as the chart numbers them.

    Raises: ValueError if the chart has neither points nor a target.
    """
    breaks = [
        element("li", f"{day_label(one.day, chart.language)}: {_CHANGED[chart.language]} ({one.reason})")
        for one in chart.breaks_inside()
    ]
    reasons = [element("ol", *breaks, class_="chart-breaks")] if breaks else []
    return element("figure", chart_svg(chart), element("figcaption", chart.caption), *reasons, class_="chart-figure")
