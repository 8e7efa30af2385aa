"""A district or village in the public view: registered, active, quota met or not, designated or not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from services.coverage.public.counts import Counts, Document, hide_counts
from services.coverage.reading.shown import PublicQuota
from shared.contracts.snapshots import Designation, QuotaBoard, Snapshot

_AS_COUNTED: Final = (
    "region", "name", "level", "time_zone", "parent", "as_of", "registered", "active", "unplaced", "coverage",
)  # fmt: skip


def place(snapshot: Snapshot, counts: Counts) -> Document:
    """Return the document of a place without what is hidden; `suppressed` names the fields."""
    whole = asdict(snapshot)
    document = {name: whole[name] for name in _AS_COUNTED}
    suppressed = hide_counts(document, snapshot.region, counts)
    quotas = [_quota(board, counts[board.measure or "registered"], snapshot.region) for board in snapshot.quota]
    suppressed += [f"quota.{n}.met" for n, quota in enumerate(quotas) if quota.met is None]
    return {
        **document,
        "quota": [asdict(quota) for quota in quotas],
        "designated": _designated(snapshot.designation),
        "suppressed": suppressed,
    }


def _quota(board: QuotaBoard, hidden: frozenset[str], region: str) -> PublicQuota:
    """Return whether the quota is met, which is no secret but where it says how many there are at least."""
    met = None if region in hidden else board.passing > 0
    return PublicQuota(board.group, board.measure, board.required, met)


def _designated(designation: Designation | None) -> bool | None:
    """Return whether a village was designated; that its officials lapsed, or all are active, is theirs to tell."""
    if designation is None or designation.state is None:
        return None
    return designation.state.startswith("designated")
