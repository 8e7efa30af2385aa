"""Reads the snapshots of the topic, and of a file of events: refuses records that are not snapshots.

Kept snapshots are packed: in memory and in MongoDB they take a tenth of the object's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from services.notifier.files.entries import IsRegion
from shared.adapters.dead_letters import UnusableRecord
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import WIT, level_of, parent_of

_decoder: Final = msgspec.json.Decoder(Snapshot)
_packed_decoder: Final = msgspec.msgpack.Decoder(Snapshot)
_MAX_INTEGER: Final = 2**63
"""The limit of MongoDB's integers; no count of people or changes comes near it."""


def decode(key: bytes | None, value: bytes | None, is_region: IsRegion) -> Snapshot | None:
    """Return the snapshot of a record; None for a tombstone, which a compacted topic may have.

    Raises: UnusableRecord with the reason `null_value`, `not_json`, `wrong_schema` or `unknown_region`.
    """
    region = (key or b"").decode("utf-8", "replace")
    if value is None:
        if not is_region(region):
            raise UnusableRecord("null_value", "neither a value nor a region's code as the key")
        return None
    try:
        snapshot = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise UnusableRecord("wrong_schema", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise UnusableRecord("not_json", str(error)) from error
    _check_region(snapshot, region, is_region)
    _check_values(snapshot)
    return snapshot


def pack(snapshot: Snapshot) -> bytes:
    """Return the snapshot as MessagePack."""
    return msgspec.msgpack.encode(snapshot)


def unpack(packed: bytes) -> Snapshot:
    """Return the snapshot that was packed; its instants are in UTC."""
    return _packed_decoder.decode(packed)


def _check_region(snapshot: Snapshot, key: str, is_region: IsRegion) -> None:
    region = snapshot.region
    if not is_region(region):
        raise UnusableRecord("unknown_region", f"{region[:20]!r} is no region")
    if key != region or snapshot.level != level_of(region) or snapshot.parent != parent_of(region):
        raise UnusableRecord("wrong_schema", f"key, level or parent do not fit region {region}")


def _check_values(snapshot: Snapshot) -> None:
    """Refuse values that the types allow but no count has: negative or huge numbers, instants without a zone."""
    if not all(0 <= number < _MAX_INTEGER for number in (snapshot.position, *_people(snapshot))):
        raise UnusableRecord("wrong_schema", "position or a number of people is out of range")
    changes = (count for kinds in snapshot.flows.values() for count in kinds.values())
    if not all(abs(number) < _MAX_INTEGER for count in changes for number in (count.registered, count.active)):
        raise UnusableRecord("wrong_schema", "a flow is out of range")
    for instant in (snapshot.as_of, snapshot.recorded_at):
        if instant is not None and not _is_representable(instant):
            raise UnusableRecord("wrong_schema", "an instant has no zone or is out of range")


def _people(snapshot: Snapshot) -> Iterator[int]:
    """Yield every number of people in the snapshot."""
    yield from (snapshot.registered, snapshot.active, snapshot.unplaced.registered, snapshot.unplaced.active)
    yield from (potential.value for potential in snapshot.potential.values())
    for ratio in (snapshot.coverage.registered, snapshot.coverage.active):
        if ratio is not None:
            yield from (ratio.numerator, ratio.denominator)


def _is_representable(instant: datetime) -> bool:
    try:
        return instant.tzinfo is not None and bool(instant.astimezone(UTC) and instant.astimezone(WIT))
    except OverflowError:
        return False
