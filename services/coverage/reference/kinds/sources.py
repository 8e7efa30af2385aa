"""How upstream sources are written: they belong to no region, so their rows are the nation's."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from services.coverage.reference.cells import Fault, Number, fault_of_whole
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.domain.sources import SOURCES, Feed
from services.coverage.reference.layouts import (
    NAME,
    SOURCE,
    VALID_FROM,
    WHOLE_OR_NULL,
    Cells,
    Column,
    Layout,
    whole,
)
from shared.regions.codes import NATION

_LONGEST_DAYS: Final = 3_660
"""Ten years: a source that is expected more rarely is not waited for."""


def _fault_of_cadence(text: str) -> Fault | None:
    fault = fault_of_whole(text)
    if fault is None and text and not 1 <= int(text) <= _LONGEST_DAYS:
        return Fault("out_of_range", f"{text} days is no cadence", f"write 1 to {_LONGEST_DAYS}")
    return fault


def _figure(cells: Cells) -> Figure[Feed]:
    cadence, since = whole(cells["cadence_days"]), date.fromisoformat(cells["valid_from"])
    feed = None if cadence is None else Feed(cells["name"], cadence)
    return Figure(SOURCES, NATION, cells["source"], since, feed, cells["source"], "")


def _shown(figure: Figure[Feed]) -> dict[str, Any]:
    feed = figure.value
    return {
        "source": figure.series,
        "name": feed and feed.name,
        "cadence_days": feed and feed.cadence_days,
        "valid_from": figure.valid_from,
    }


LAYOUT: Final = Layout(
    SOURCES,
    about="Upstream sources: what each is called, and within how many days something new is expected. Null withdraws.",
    columns=(
        SOURCE,
        NAME,
        Column(
            "cadence_days",
            _fault_of_cadence,
            WHOLE_OR_NULL | {"minimum": 1, "maximum": _LONGEST_DAYS},
            takes=(Number,),
        ),
        VALID_FROM,
    ),
    examples=(
        {"source": "bpjs/aceh", "name": "BPJS Ketenagakerjaan, Aceh", "cadence_days": 7, "valid_from": "2023-01-01"},
    ),
    figure=_figure,
    shown=_shown,
    shown_schema={"name": {"type": ["string", "null"]}},
)
