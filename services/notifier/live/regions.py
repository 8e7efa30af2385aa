"""Regions in memory, with their snapshots packed: 90,000 of them take some 200 MB."""

from __future__ import annotations

from collections import deque
from typing import Final

from services.notifier.engine.world import Region
from services.notifier.files.snapshots import pack, unpack, unpack_potentials
from shared.contracts.snapshots import Snapshot

_OPEN: Final = 64
"""Snapshots kept unpacked: an event reads one region again and again, then those above it."""

_open: Final[deque[PackedRegion]] = deque()


class PackedRegion(Region):
    """A region whose snapshot is packed, and unpacked while it is in use."""

    __slots__ = ("_unpacked", "packed")

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        # Kept apart: to hold it may let go of this very region, where it was held several times before.
        snapshot = self._unpacked
        if snapshot is None:
            snapshot = unpack(self.packed)
            self._hold(snapshot)
        return snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot | bytes) -> None:
        """Keep the snapshot; one that a store has kept comes packed."""
        self._unpacked: Snapshot | None = None
        if isinstance(snapshot, bytes):
            self.packed = snapshot
        else:
            self.packed = pack(snapshot)
            self._hold(snapshot)

    @property
    def potentials(self) -> dict[str, int]:
        """Potential by basis; of a packed snapshot nothing else is unpacked."""
        return unpack_potentials(self.packed) if self._unpacked is None else super().potentials

    def _hold(self, snapshot: Snapshot) -> None:
        self._unpacked = snapshot
        _open.append(self)
        if len(_open) > _OPEN:
            _open.popleft()._unpacked = None
