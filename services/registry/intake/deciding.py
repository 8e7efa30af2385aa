"""What a regrouping of facts, or the clock alone, makes of people, as the one write that a transaction does."""

from __future__ import annotations

from datetime import datetime

from services.registry.domain.ledger import Entry, entries
from services.registry.domain.participant import Participant, decide
from services.registry.domain.people import Regrouped, split
from services.registry.intake.ports import GroupWrite


def decided(regrouped: Regrouped, *, now: datetime, secret: bytes, traceparent: str) -> GroupWrite:
    """Return the write that gives each person the facts that are now theirs, with the changes this makes.

    Where nothing moved it is the clock that did. All changes of a person share one `recorded_at`.
    """
    # Milliseconds are what facts and MongoDB keep; a finer clock would not survive the store.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    participants: list[Participant] = []
    rows: list[Entry] = []
    for name, (before, placed) in regrouped.people.items():
        after, deltas = decide(before or Participant(name), *split(placed), now)
        assert after.decided_at is not None
        rows += entries(name, deltas, after.decided_at, secret)
        # One with nothing left is kept: whoever brings their next fact then meets others who touch them meanwhile.
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
    """Return the holders that belong to another person than before; alone, a holder is its own person."""
    before = {holder: person.id for person in known for holder in person.holders}
    return {holder: name for holder, name in regrouped.person_of.items() if before.get(holder, holder) != name}
