"""How many facts one caller may have in flight."""

from __future__ import annotations

import pytest

from services.registry.intake.http.in_flight import InFlight
from shared.adapters.http_problem import Problem
from shared.runtime.auth import Caller

CALLER = Caller("upstream", frozenset(), frozenset())


def test_a_bulk_has_a_second_group_only_where_there_is_room() -> None:
    """It is never refused for lack of it, and gives back what it took."""
    in_flight = InFlight(2500)
    with in_flight.taking(CALLER, 1000):
        with in_flight.taking_if_free(CALLER, 1000) as is_free, in_flight.taking_if_free(CALLER, 1000) as is_free_again:
            assert (is_free, is_free_again) == (True, False)
            with pytest.raises(Problem):
                in_flight.taking(CALLER, 1000).__enter__()
        with in_flight.taking_if_free(CALLER, 1500) as is_free:
            assert is_free
