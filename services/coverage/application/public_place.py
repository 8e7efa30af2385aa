"""What the public sees of a district or village: registered and active, quota met or not, designated or not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from services.coverage.application.public_counts import Counts, Document, hide_counts
from shared.contracts.snapshots import Count, Coverage, Designation, Level, QuotaBoard, Snapshot


@dataclass(frozen=True, slots=True)
class PublicQuota:
    """Whether a village meets its quota of a group; null where that would tell a hidden number."""

    group: str
    measure: str | None
    required: int | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """A district or village at a month end. `designated` is null but of villages."""

    region: str
    name: str
    level: Level
    time_zone: str
    parent: str | None
    as_of: datetime
    registered: int
    active: int
    unplaced: Count
    coverage: Coverage
    quota: tuple[PublicQuota, ...]
    designated: bool | None


def place(snapshot: Snapshot, counts: Counts) -> Document:
    """Return the document of a place without what is hidden; `suppressed` names the fields."""
    quotas = [_quota(board, counts[board.measure or "registered"], snapshot.region) for board in snapshot.quota]
    document = asdict(
        PublicPlace(
            region=snapshot.region,
            name=snapshot.name,
            level=snapshot.level,
            time_zone=snapshot.time_zone,
            parent=snapshot.parent,
            as_of=snapshot.as_of,
            registered=snapshot.registered,
            active=snapshot.active,
            unplaced=snapshot.unplaced,
            coverage=snapshot.coverage,
            quota=tuple(quotas),
            designated=_designated(snapshot.designation),
        )
    )
    suppressed = hide_counts(document, snapshot.region, counts)
    suppressed += [f"quota.{n}.met" for n, quota in enumerate(quotas) if quota.met is None]
    return {**document, "suppressed": suppressed}


def _quota(board: QuotaBoard, hidden: frozenset[str], region: str) -> PublicQuota:
    """Return whether the quota is met, which is no secret but where it says how many there are at least."""
    met = None if region in hidden else board.passing > 0
    return PublicQuota(board.group, board.measure, board.required, met)


def _designated(designation: Designation | None) -> bool | None:
    """Return whether a village was designated; that its officials lapsed, or all are active, is theirs to tell."""
    if designation is None or designation.state is None:
        return None
    return designation.state.startswith("designated")
