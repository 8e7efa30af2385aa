"""The agenda of instants at which something is due."""

from __future__ import annotations

from services.notifier.engine.due import Agenda
from services.notifier.engine.world import Key

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
