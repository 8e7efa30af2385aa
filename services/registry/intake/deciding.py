"""Decides persons anew, after new facts or after time has passed, and returns the one write that this makes."""

from __future__ import annotations

from datetime import datetime

from services.registry.domain.ledger import Entry, entries
from services.registry.domain.participant import Participant, decide
from services.registry.domain.people import Regrouped, split
from services.registry.intake.ports import GroupWrite
from shared.contracts.facts import cut


def decided(regrouped: Regrouped, *, now: datetime, secret: bytes, traceparent: str) -> GroupWrite:
    """Return the write that gives each person their facts of now, with the changes that follow.

    With the facts as before, only the clock makes changes. All changes of a person share one `recorded_at`.
    """
    now = cut(now)
    participants: list[Participant] = []
    rows: list[Entry] = []
    for name, (before, facts) in regrouped.people.items():
        after, deltas = decide(before or Participant(name), *split(facts), now)
        assert after.decided_at is not None
        rows += entries(name, deltas, after.decided_at, secret)
        # A person without facts is kept: a transaction that adds one then conflicts with others on the same person.
        if regrouped.person_of[name] == name:
            participants.append(after)
    known = [before for before, _ in regrouped.people.values() if before is not None]
    return GroupWrite(
        participants=participants,
        new={name for name, (before, _) in regrouped.people.items() if before is None},
        gone=[before.id for before in known if regrouped.person_of[before.id] != before.id],
        moved=_moved(regrouped, known),
        entries=rows,
        recorded_at=now,
        traceparent=traceparent,
    )


def _moved(regrouped: Regrouped, known: list[Participant]) -> dict[str, str]:
    """Return the holders that belong to another person than before. A holder without links is its own person."""
    before = {holder: person.id for person in known for holder in person.holders}
    return {holder: name for holder, name in regrouped.person_of.items() if before.get(holder, holder) != name}
