"""Who may be erased."""

from __future__ import annotations

from datetime import datetime

from services.registry.domain.participant import Participant
from services.registry.domain.timeline import timeline


def registered_at(participant: Participant, now: datetime) -> bool:
    """Say whether the person is registered at this instant, or at the latest one that was published of them.

    Such a person is erased only by force: a later fact of the identity would be a new person, counted once more.
    """
    transitions = timeline(participant.facts, max(now, participant.decided_at or now))
    return bool(transitions) and transitions[-1].after is not None
