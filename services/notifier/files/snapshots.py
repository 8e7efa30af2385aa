"""Reads the snapshots of the topic, and of a file of events: refuses records that are not snapshots.

Kept snapshots are packed: in memory and in MongoDB they take a tenth of the object's size.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from services.notifier.files.entries import IsRegion
from shared.adapters.dead_letters import UnusableRecord
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import WIT, level_of, parent_of

_decoder: Final = msgspec.json.Decoder(Snapshot)
_packed_decoder: Final = msgspec.msgpack.Decoder(Snapshot)


class _Potential(msgspec.Struct, gc=False):
    value: int


class _Potentials(msgspec.Struct, gc=False):
    potential: dict[str, _Potential]


_potentials_decoder: Final = msgspec.msgpack.Decoder(_Potentials)
_MAX_INTEGER: Final = 2**63
"""The limit of MongoDB's integers; no count of people or changes comes near it."""
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=WIT)
"""Instants that have a date in UTC and in every zone of Indonesia."""


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


def unpack_potentials(packed: bytes) -> dict[str, int]:
    """Return the potential by basis of a snapshot that was packed: a fifth of the work of unpacking all."""
    return {basis: potential.value for basis, potential in _potentials_decoder.decode(packed).potential.items()}


def _check_region(snapshot: Snapshot, key: str, is_region: IsRegion) -> None:
    region = snapshot.region
    if not is_region(region):
        raise UnusableRecord("unknown_region", f"{region[:20]!r} is no region")
    if key != region or snapshot.level != level_of(region) or snapshot.parent != parent_of(region):
        raise UnusableRecord("wrong_schema", f"key, level or parent do not fit region {region}")


def _check_values(snapshot: Snapshot) -> None:
    """Refuse values that the types allow but no count has: negative or huge numbers, instants without a zone."""
    people = _people(snapshot)
    if min(people) < 0 or max(people) >= _MAX_INTEGER:
        raise UnusableRecord("wrong_schema", "position or a number of people is out of range")
    changes = [
        change
        for kinds in snapshot.flows.values()
        for count in kinds.values()
        for change in (count.registered, count.active)
    ]
    if changes and (max(changes) >= _MAX_INTEGER or min(changes) <= -_MAX_INTEGER):
        raise UnusableRecord("wrong_schema", "a flow is out of range")
    for instant in (snapshot.as_of, snapshot.recorded_at):
        if instant is not None and (instant.tzinfo is None or not _FIRST <= instant <= _LAST):
            raise UnusableRecord("wrong_schema", "an instant has no zone or is out of range")


def _people(snapshot: Snapshot) -> list[int]:
    """Return the position and every number of people in the snapshot."""
    unplaced = snapshot.unplaced
    numbers = [snapshot.position, snapshot.registered, snapshot.active, unplaced.registered, unplaced.active]
    numbers += [potential.value for potential in snapshot.potential.values()]
    for ratio in (snapshot.coverage.registered, snapshot.coverage.active):
        if ratio is not None:
            numbers += (ratio.numerator, ratio.denominator)
    return numbers
