"""How quotas of people a village are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from services.coverage.reference.cells import Fault, Number, fault_of_whole, one_of, some_of
from services.coverage.reference.domain.quota import KINDS_OF_VILLAGE, QUOTAS, Quota
from services.coverage.reference.domain.reference import Figure
from services.coverage.reference.kinds.targets import MEASURE
from services.coverage.reference.layouts import (
    REGION,
    REMARK,
    SOURCE,
    VALID_FROM,
    WHOLE_OR_NULL,
    Cells,
    Column,
    Layout,
    Schema,
    figure_of,
    shown_of,
    whole,
)

GROUPS: Final = ("vulnerable", "village_official", "non_asn", "election_officer")
_KINDS: Final[Schema] = {
    "type": ["array", "null"],
    "items": {"enum": list(KINDS_OF_VILLAGE)},
    "description": "kinds of village; in CSV joined by |",
}


def _faults(cells: Cells) -> Iterator[tuple[str, Fault]]:
    if bool(cells["count"]) != bool(cells["kinds"]):
        field = "kinds" if cells["count"] else "count"
        yield field, Fault("empty", "count and kinds belong together", "state both, or neither to withdraw the quota")


def _figure(cells: Cells) -> Figure[Quota]:
    count, kinds = whole(cells["count"]), tuple(sorted(cells["kinds"].split("|")))
    return figure_of(QUOTAS, cells, cells["group"], None if count is None else Quota(cells["measure"], count, kinds))


def _shown(figure: Figure[Quota]) -> dict[str, Any]:
    quota = figure.value
    return shown_of(
        figure,
        group=figure.series,
        measure=quota and quota.measure,
        count=quota and quota.count,
        kinds=quota and quota.kinds,
    )


LAYOUT: Final = Layout(
    QUOTAS,
    about=(
        "Quotas of people of a group in each village. Set on a region, one holds for all below; the nearest decides "
        "alone. Neither count nor kinds withdraws."
    ),
    columns=(
        REGION,
        Column("group", one_of(GROUPS), {"enum": list(GROUPS)}),
        MEASURE,
        Column("count", fault_of_whole, WHOLE_OR_NULL, takes=(Number,)),
        Column("kinds", some_of(KINDS_OF_VILLAGE), _KINDS, takes=(list,)),
        VALID_FROM,
        SOURCE,
        REMARK,
    ),
    examples=(
        {
            "region": "63.10",
            "group": "vulnerable",
            "measure": "active",
            "count": 100,
            "kinds": ["desa"],
            "valid_from": "2023-01-01",
            "source": "kab-tanah-bumbu",
            "definition": "Satu Desa 100 Pekerja Rentan",
        },
    ),
    figure=_figure,
    shown=_shown,
    faults_of=_faults,
    shown_schema={"measure": {"enum": ["registered", "active", None]}},
)
