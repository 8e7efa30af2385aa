"""Charts: inside their box, broken where they must be, and told in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drawing.chart import HEIGHT, WIDTH, Break, Chart, Point, chart_svg, pieces, summary

SVG = "{http://www.w3.org/2000/svg}"
DAYS = st.dates(date(2015, 1, 1), date(2045, 12, 31))


def points(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Point]]:
    """Points in order of days."""
    return st.dictionaries(DAYS, values, min_size=1, max_size=30).map(
        lambda found: [Point(day, found[day]) for day in sorted(found)]
    )


def charts() -> st.SearchStrategy[Chart]:
    """Charts of counts and of ratios, with gaps, targets and breaks."""

    def of(form: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Chart]:
        return st.builds(
            Chart, st.text("ab<&\"'", max_size=9), points(st.none() | values), st.just(form),
            st.sampled_from(["id", "en"]), target=st.just([]) | points(values),
            breaks=st.lists(st.builds(Break, DAYS, st.text(max_size=9)), max_size=3), bound_word=st.none(),
        )  # fmt: skip

    return of("ratio", st.floats(0, 3)) | of("number", st.integers(0, 200_000_000))


def corners(drawn: str) -> list[tuple[float, float]]:
    """The places of all lines, marks and labels of a chart."""
    found = []
    for one in ElementTree.fromstring(drawn).iter():
        if one.tag == f"{SVG}path":
            path = (one.get("d") or "").replace("M", "").replace("L", " ")
            start, *other = path.replace("H", " H").replace("V", " V").split()
            at = [float(start)]
            for word in other:
                at += (
                    [float(word[1:]), at[1]]
                    if word[0] == "H"
                    else [at[0], float(word[1:])]
                    if word[0] == "V"
                    else [float(word)]
                )
            found += list(zip(at[::2], at[1::2], strict=True))
        x, y = one.get("x", one.get("cx")), one.get("y", one.get("cy"))
        if x and y:
            found.append((float(x), float(y)))
    return found


@given(charts())
def test_all_of_a_chart_lies_in_its_box(chart: Chart) -> None:
    """Whatever days and values it has, and twice the same chart is the same bytes."""
    drawn = chart_svg(chart)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in corners(drawn))
    assert drawn == chart_svg(replace(chart))


@given(points(st.none() | st.floats(0, 1)), st.lists(st.builds(Break, DAYS, st.just("x")), max_size=4))
def test_a_line_never_crosses_a_break_or_a_gap(shown: list[Point], breaks: list[Break]) -> None:
    """Each known value is in one piece, in order."""
    found = pieces(shown, breaks)
    assert [at for piece in found for at in piece] == [(one.day, one.value) for one in shown if one.value is not None]
    days = [one.day for one in shown]
    for piece in found:
        for (before, _), (after, _) in pairwise(piece):
            assert days.index(after) == days.index(before) + 1
            assert not any(before < one.day <= after for one in breaks)


def test_a_higher_value_is_higher() -> None:
    """In the chart's units y grows downwards."""
    first = date(2026, 1, 1)
    chart = Chart("x", [Point(first + timedelta(day), 100 * day) for day in range(9)], "number", "id")
    heights = [float(one.get("cy") or 0) for one in ElementTree.fromstring(chart_svg(chart)).iter(f"{SVG}circle")]
    assert len(heights) == 9
    assert heights == sorted(heights, reverse=True)


def test_a_chart_says_in_words_what_it_shows() -> None:
    """First and last value, target, breaks; in the reader's language."""
    shown = [Point(date(2025, 12, 31), 0.3), Point(date(2026, 10, 31), None), Point(date(2026, 11, 30), 0.38089)]
    chart = Chart(
        "Cakupan aktif", shown, "ratio", "id", target=[Point(date(2026, 12, 31), 0.4)],
        breaks=[Break(date(2026, 7, 1), "Sakernas Februari 2026")],
    )  # fmt: skip
    assert summary(chart) == (
        "Cakupan aktif: dari 30,00% (31 Des 2025) menjadi 38,09% (30 Nov 2026); Target 40%;"
        " definisi berubah 1 Jul 2026: Sakernas Februari 2026"
    )
    assert "from 30.00% (31 Dec 2025) to 38.09%" in summary(replace(chart, language="en"))


def test_a_chart_of_hidden_values_only_says_so() -> None:
    """Nothing of them is drawn."""
    chart = Chart("Aktif", [Point(date(2026, 1, 1), None)], "number", "id")
    assert summary(chart) == "Aktif: belum ada data"
    assert "chart-line" not in chart_svg(chart)
    assert "chart-point" not in chart_svg(chart)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0.02, 0.41), ["0%", "20%", "40%", "60%"]),
        ((0.371, 0.398), ["37%", "38%", "39%", "40%"]),
        ((0.38, 0.38), ["38%", "39%"]),
        ((0, 0), ["0%", "0,01%"]),
    ],
)
def test_lines_begin_at_0_only_if_values_are_near_it(values: tuple[float, float], labels: list[str]) -> None:
    """Else 38% and 40% would be one line; but never is a change of little drawn as much."""
    chart = Chart("x", [Point(date(2026, 1, day), one) for day, one in enumerate(values, 1)], "ratio", "id")
    texts = [one.text for one in ElementTree.fromstring(chart_svg(chart)).iter(f"{SVG}text")]
    assert [text for text in texts if text and text.endswith("%")][1:] == labels


def test_nothing_to_draw_is_refused() -> None:
    """A page shows words then."""
    with pytest.raises(ValueError, match="empty"):
        chart_svg(Chart("x", [], "ratio", "id"))
