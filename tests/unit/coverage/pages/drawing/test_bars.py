"""Bars: from 0, in order, inside their box, and empty where nothing may be told."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from services.coverage.pages.drawing.bars import FULL, bar

RATIOS = st.floats(0, 1e9, allow_nan=False)


def widths(drawn: Markup) -> dict[str, float]:
    """The width of each box of a bar by its class."""
    boxes = [one for one in ElementTree.fromstring(drawn) if (one.get("d") or "").startswith("M0 0h")]
    return {one.get("class") or "": float(re.split("[hv]", one.get("d") or "")[1]) for one in boxes}


@given(RATIOS, RATIOS)
def test_a_higher_ratio_is_never_shorter(one: float, other: float) -> None:
    """A bar begins at 0, grows with the ratio, and ends in its box."""
    low, high = sorted([one, other])
    assert 0 <= widths(bar(low))["bar-plain"] <= widths(bar(high))["bar-plain"] <= FULL


@given(st.floats(0, 1.25))
def test_a_bar_is_as_long_as_its_ratio(ratio: float) -> None:
    """To a tenth of a per cent; also past 100%."""
    assert widths(bar(ratio))["bar-plain"] == pytest.approx(100 * ratio, abs=0.051)


def test_only_a_bar_beyond_its_box_ends_in_an_arrow() -> None:
    """125% fits, 126% goes on."""
    assert 'fill="#FFF"' not in bar(1.25)
    assert 'fill="#FFF"' in bar(1.26)


def test_a_bar_marks_its_target_and_is_coloured_by_what_was_decided() -> None:
    """40,00% may still be one person short, so no ratio decides the colour."""
    assert '<path d="M40 0v10" class="bar-target"></path>' in bar(0.4, 0.4, met=False)
    assert "bar-short" in widths(bar(0.4, 0.4, met=False))
    assert "bar-met" in widths(bar(0.4, 0.4, met=True))


def test_a_bar_without_ratio_is_the_bare_ground() -> None:
    """No denominator and suppressed look alike; the words beside it say which."""
    assert widths(bar(None)) == {"bar-ground": 100}


def test_a_screen_reader_hears_the_number_beside_it_only() -> None:
    """Each bar is hidden from it."""
    assert 'aria-hidden="true"' in bar(0.4)
