"""Charts as PNG."""

from __future__ import annotations

import math
from datetime import date, timedelta
from io import BytesIO

import pytest
from PIL import Image, ImageColor

from shared.drawing.chart import ORANGE, Point
from shared.drawing.picture import history_chart_png

DAYS = [Point(date(2026, 8, 1) + timedelta(day), 0.37 + 0.02 * math.sin(day / 9) + day / 5000) for day in range(90)]


def test_a_mail_gets_a_small_sharp_picture() -> None:
    """90 days take at most 8 KB at two pixels a unit, and the same points are the same bytes."""
    picture = history_chart_png(DAYS, 0.4, "id")
    assert Image.open(BytesIO(picture)).size == (720, 400)
    assert len(picture) <= 8 * 1024
    assert picture == history_chart_png(DAYS, 0.4, "id")


def test_the_level_and_the_labels_are_in_the_picture() -> None:
    """Its colour is there, and another language is another picture: without a font there would be no letters."""
    picture = history_chart_png(DAYS, 0.4, "id")
    image = Image.open(BytesIO(picture)).convert("RGB")
    colours = {colour for _, colour in image.getcolors() or []}
    assert {ImageColor.getrgb(ORANGE), (255, 255, 255)} <= colours
    assert picture != history_chart_png(DAYS, 0.4, "en")


def test_no_points_are_no_picture() -> None:
    """The message goes without one."""
    with pytest.raises(ValueError, match="empty"):
        history_chart_png([], 0.4, "id")
