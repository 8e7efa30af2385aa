"""Silence of a source, judged by its cadence."""

from __future__ import annotations

from datetime import timedelta

from services.coverage.reference.domain.sources import Feed, silent_since
from tests.factories_reference import RECORDED_AT

WEEKLY = Feed("BPJS Aceh", 7)


def test_a_source_is_silent_once_its_cadence_has_passed() -> None:
    """A week after its newest fact to the second it is not late yet."""
    due = RECORDED_AT + timedelta(days=7)
    assert silent_since(WEEKLY, RECORDED_AT, due) is None
    assert silent_since(WEEKLY, RECORDED_AT, due + timedelta(seconds=1)) == due


def test_without_a_cadence_or_a_fact_nothing_is_said() -> None:
    """Silence is judged only where something is expected and something came before."""
    assert silent_since(None, RECORDED_AT, RECORDED_AT + timedelta(days=900)) is None
    assert silent_since(WEEKLY, None, RECORDED_AT) is None
