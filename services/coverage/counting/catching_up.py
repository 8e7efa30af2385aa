"""Which partitions still have old changes to apply, in this replica and in the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.coverage.counting.domain.movements import SUMMED_LEVELS
from services.coverage.counting.ports import Checkpoint
from shared.regions.codes import level_of


class CatchingUp:
    """Knows at once which of its own partitions are behind, and by their checkpoints which of the others are."""

    def __init__(self, partition_of: Callable[[str], int]) -> None:
        self._partition_of = partition_of
        self._own: dict[int, bool] = {}
        self._checkpoints: Mapping[int, Checkpoint] = {}

    def note(self, partition: int, *, behind: bool) -> None:
        """Note that a partition of this replica is behind, or has caught up."""
        self._own[partition] = behind

    def refresh(self, checkpoints: Mapping[int, Checkpoint], assigned: frozenset[int]) -> None:
        """Keep these checkpoints, and forget what was noted of partitions that are no longer assigned here."""
        self._checkpoints = checkpoints
        self._own = {partition: behind for partition, behind in self._own.items() if partition in assigned}

    def noted_behind(self, partitions: frozenset[int]) -> frozenset[int]:
        """Return those of the partitions that are noted as behind."""
        return frozenset(partition for partition in partitions if self._own.get(partition))

    def catching_up(self, region: str) -> bool:
        """Say whether changes of the region wait that were written more than a moment ago."""
        if level_of(region) in SUMMED_LEVELS:
            return any(self._is_behind(partition) for partition in {*self._checkpoints, *self._own})
        return self._is_behind(self._partition_of(region))

    def _is_behind(self, partition: int) -> bool:
        checkpoint = self._checkpoints.get(partition)
        return self._own.get(partition, checkpoint is not None and checkpoint.behind)
