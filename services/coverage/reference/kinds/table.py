"""The kinds of reference data by name."""

from __future__ import annotations

from typing import Any, Final

from services.coverage.reference.kinds import awards, designations, potentials, quotas, sources, targets
from services.coverage.reference.layouts import Layout

_LAYOUTS: Final[tuple[Layout[Any], ...]] = (
    potentials.LAYOUT,
    targets.LAYOUT,
    quotas.LAYOUT,
    designations.LAYOUT,
    awards.LAYOUT,
    sources.LAYOUT,
)
KINDS: Final[dict[str, Layout[Any]]] = {layout.kind.name: layout for layout in _LAYOUTS}
"""In the order in which they are described."""
