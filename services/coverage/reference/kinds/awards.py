"""How awards are written."""

from __future__ import annotations

from typing import Final

from services.coverage.reference.cells import one_of
from services.coverage.reference.domain.awards import AWARDED, AWARDS
from services.coverage.reference.layouts import (
    NAME,
    REGION,
    REMARK,
    SOURCE,
    VALID_FROM,
    WITHDRAWN,
    Column,
    Layout,
    figure_of,
    shown_of,
)

LAYOUT: Final = Layout(
    AWARDS,
    about="Awards that a region was given, such as Kabupaten Peduli. `withdrawn` or null withdraws.",
    columns=(
        REGION,
        NAME,
        VALID_FROM,
        Column("value", one_of((AWARDED, *WITHDRAWN)), {"enum": [AWARDED, *WITHDRAWN, None]}),
        SOURCE,
        REMARK,
    ),
    examples=(
        {
            "region": "35.01",
            "name": "Kabupaten Peduli",
            "valid_from": "2023-10-05",
            "value": AWARDED,
            "source": "bpjs",
            "definition": "an invented day",
        },
    ),
    figure=lambda cells: figure_of(AWARDS, cells, cells["name"], AWARDED if cells["value"] == AWARDED else None),
    shown=lambda figure: shown_of(figure, name=figure.series, value=figure.value),
)
