"""What facts, or the clock, make of some people, as the one write that a transaction does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.registry.application.ports import FactKey, GroupWrite, KnownFact
from services.registry.domain.facts import Fact
from services.registry.domain.ledger import Entry, entries
from services.registry.domain.participant import Participant, decide


def decided(
    people: Iterable[tuple[Participant, Sequence[Fact]]],
    *,
    now: datetime,
    secret: bytes,
    traceparent: str,
    facts: Mapping[FactKey, KnownFact],
    identities: Mapping[bytes, str],
) -> GroupWrite:
    """Return the write that puts each person's arrived facts in, with the changes these make.

    Without facts it is the clock that moved. All changes of a person share one `recorded_at`.
    """
    # Milliseconds are what facts and MongoDB keep; a finer clock would not survive the store.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    participants: list[Participant] = []
    rows: list[Entry] = []
    for person, arrived in people:
        after, deltas = decide(person, arrived, now)
        assert after.decided_at is not None
        participants.append(after)
        rows += entries(person.id, deltas, after.decided_at, secret)
    return GroupWrite(facts, identities, participants, rows, now, traceparent)
