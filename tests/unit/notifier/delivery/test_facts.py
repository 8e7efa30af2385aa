"""What a message is written from, as far as it follows from the delivery alone."""

from __future__ import annotations

import pytest

from services.notifier.delivery.facts import region_holding


@pytest.mark.parametrize(
    ("regions", "holding"),
    [(["11.01", "11.01.01.2001"], "11.01"), (["11.01", "11.02"], "11"), (["11", "12"], "ID"), (["12", "12"], "12")],
)
def test_a_digest_leads_to_the_smallest_region_that_holds_all(regions: list[str], holding: str) -> None:
    """One of them, or one above."""
    assert region_holding(regions) == holding
