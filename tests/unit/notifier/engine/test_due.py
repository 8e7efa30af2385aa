"""The agenda of instants at which something is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.engine.due import Agenda, step_due
from services.notifier.engine.world import Key
from tests.alerts_trace import read_all, rule

ONE, OTHER = Key("silence", "one"), Key("silence", "other")


def test_a_key_is_due_at_the_last_instant_that_was_put() -> None:
    """Earlier and later ones are forgotten; a key that is due is taken once."""
    agenda = Agenda()
    for key, due in ((ONE, 5), (OTHER, 7), (ONE, 9), (ONE, 6), (ONE, 6)):
        agenda.put(key, due)
    assert agenda.next() == 6
    assert list(agenda.take(7)) == [ONE, OTHER]
    assert agenda.next() is None


def test_a_key_that_is_never_due_is_not_taken() -> None:
    """One that was not in it may be put so too."""
    agenda = Agenda()
    agenda.put(ONE, 5)
    agenda.put(ONE, None)
    agenda.put(OTHER, None)
    assert agenda.next() is None
    assert list(agenda.take(9)) == []


RAISED = datetime(2026, 3, 3, 10, tzinfo=UTC)
STEPS = [{"after": "1h", "hears": ["sekda_provinsi"]}, {"after": "2h", "hears": ["kemnaker"]}]


@pytest.mark.parametrize(("minutes", "step"), [(60, 0), (120, 1), (0, None), (61, None), (180, None), (None, None)])
def test_the_step_that_is_due_is_the_one_of_that_instant(minutes: int | None, step: int | None) -> None:
    """Counted from the raise; where nothing is due there is no instant."""
    ((of,), _, _) = read_all([rule(escalate=STEPS)], [], [])
    at = None if minutes is None else RAISED + timedelta(minutes=minutes)
    assert step_due(of, RAISED, at) == (None if step is None else of.escalate[step])
