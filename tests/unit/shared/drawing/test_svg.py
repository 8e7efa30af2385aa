"""Elements: whatever text they are given, they are what they look like."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from shared.drawing.svg import element, number


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"])))
def test_text_is_escaped(text: str) -> None:
    """In attributes and inside."""
    found = ElementTree.fromstring(element("a", text, aria_label=text))
    assert (found.text or "", found.get("aria-label")) == (text, text)


def test_markup_stays_and_what_xml_forbids_is_left_out() -> None:
    """A reason with a control character would else be no drawing at all."""
    assert element("g", Markup("<b/>"), "a\x00<\ufffe") == "<g><b/>a&lt;</g>"
    assert element("li", class_="\x1bx", id=None) == '<li class="x"></li>'


@pytest.mark.parametrize(("value", "written"), [(1, "1"), (0.25, "0.2"), (-0.04, "0"), (12.0, "12"), (-3.16, "-3.2")])
def test_numbers_have_at_most_one_decimal(value: float, written: str) -> None:
    """And never a minus before 0."""
    assert number(value) == written
