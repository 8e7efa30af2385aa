"""How potential workers are written."""

from __future__ import annotations

from typing import Final

from services.coverage.reference.cells import Number, fault_of_whole, one_of
from services.coverage.reference.domain.potentials import BASES, POTENTIALS
from services.coverage.reference.layouts import (
    DEFINITION,
    REGION,
    SOURCE,
    VALID_FROM,
    WHOLE_OR_NULL,
    Column,
    Layout,
    figure_of,
    shown_of,
    whole,
)

BASIS: Final = Column("basis", one_of(BASES), {"enum": list(BASES)})

LAYOUT: Final = Layout(
    POTENTIALS,
    about="Potential workers, the denominators. `value` null withdraws.",
    columns=(
        REGION,
        BASIS,
        VALID_FROM,
        Column("value", fault_of_whole, WHOLE_OR_NULL, takes=(Number,)),
        SOURCE,
        DEFINITION,
    ),
    examples=(
        {
            "region": "11",
            "basis": "workers",
            "valid_from": "2023-09-01",
            "value": 1_710_891,
            "source": "bps/sakernas-2023-02",
            "definition": "people who work and are not civil servants",
        },
    ),
    figure=lambda cells: figure_of(POTENTIALS, cells, cells["basis"], whole(cells["value"])),
    shown=lambda figure: shown_of(figure, basis=figure.series, value=figure.value),
)
