"""How Desa Sadar is written: villages by the day of their decree, and at ID how many are to follow in a year."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from services.coverage.reference.cells import Fault, Number, fault_of_whole
from services.coverage.reference.domain.desa_sadar import DESIGNATED, DESIGNATIONS, YEARS_QUOTA
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.layouts import (
    REGION,
    REMARK,
    SOURCE,
    VALID_FROM,
    WITHDRAWN,
    Cells,
    Column,
    Layout,
    Schema,
    figure_of,
    shown_of,
    whole,
)
from shared.regions.codes import NATION, level_of

_VALUE: Final[Schema] = {
    "type": ["string", "integer", "null"],
    "description": f"{DESIGNATED} or withdrawn; at ID the number of villages",
}


def _faults(cells: Cells) -> Iterator[tuple[str, Fault]]:
    if cells["region"] == NATION:
        yield from _faults_of_quota(cells)
    elif level_of(cells["region"]) != "village":
        yield "region", Fault("no_village", f"{cells['region']} is no village", "name a village; ID has a year's quota")
    elif cells["value"] not in (DESIGNATED, *WITHDRAWN):
        yield "value", Fault("unknown_value", "a village is designated or it is not", "write designated or withdrawn")


def _faults_of_quota(cells: Cells) -> Iterator[tuple[str, Fault]]:
    fault = fault_of_whole(_years_quota(cells))
    if fault is not None:
        yield "value", fault
    if not cells["valid_from"].endswith("-01-01"):
        yield "valid_from", Fault("not_new_year", "a year's quota begins on 1 January", "write it as 2019-01-01")


def _years_quota(cells: Cells) -> str:
    return "" if cells["value"] in WITHDRAWN else cells["value"]


def _figure(cells: Cells) -> Figure[int]:
    if cells["region"] == NATION:
        return figure_of(DESIGNATIONS, cells, YEARS_QUOTA, whole(_years_quota(cells)))
    return figure_of(DESIGNATIONS, cells, DESIGNATED, 1 if cells["value"] == DESIGNATED else None)


def _shown(figure: Figure[int]) -> dict[str, Any]:
    is_designated = figure.series == DESIGNATED and figure.value is not None
    return shown_of(figure, value=DESIGNATED if is_designated else figure.value)


LAYOUT: Final = Layout(
    DESIGNATIONS,
    about=(
        "Villages designated Desa Sadar, `valid_from` being the day of the decree; `withdrawn` or null withdraws. "
        "At ID the value is how many villages are to be designated in the year that begins."
    ),
    columns=(
        REGION,
        VALID_FROM,
        Column("value", lambda _text: None, _VALUE, takes=(str, Number)),
        SOURCE,
        REMARK,
    ),
    examples=(
        {
            "region": "63.10.03.2004",
            "valid_from": "2018-11-12",
            "value": DESIGNATED,
            "source": "bpjs",
            "definition": "an invented decree",
        },
        {"region": NATION, "valid_from": "2019-01-01", "value": 198, "source": "bpjs", "definition": "target of 2019"},
    ),
    figure=_figure,
    shown=_shown,
    faults_of=_faults,
)
