"""Which partitions still have old changes to apply, here and at other replicas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.coverage.counting.domain.movements import SUMMED_LEVELS
from services.coverage.counting.ports import Checkpoint
from shared.regions.codes import level_of


class Progress:
    """Knows of its own partitions at once, and of the others' by their checkpoints."""

    def __init__(self, partition_of: Callable[[str], int]) -> None:
        self._partition_of = partition_of
        self._own: dict[int, bool] = {}
        self._checkpoints: Mapping[int, Checkpoint] = {}

    def note(self, partition: int, *, behind: bool) -> None:
        """Note that a partition of this replica is behind or level."""
        self._own[partition] = behind

    def look(self, checkpoints: Mapping[int, Checkpoint], owned: frozenset[int]) -> None:
        """Take in all checkpoints, and forget what was known of partitions that are no longer here."""
        self._checkpoints = checkpoints
        self._own = {partition: behind for partition, behind in self._own.items() if partition in owned}

    def caught_up(self, level: frozenset[int]) -> frozenset[int]:
        """Return the partitions held to be behind that are level now."""
        return frozenset(partition for partition in level if self._own.get(partition))

    def catching_up(self, region: str) -> bool:
        """Say whether changes of the region wait that are older than a moment."""
        if level_of(region) in SUMMED_LEVELS:
            return any(self._is_behind(partition) for partition in {*self._checkpoints, *self._own})
        return self._is_behind(self._partition_of(region))

    def _is_behind(self, partition: int) -> bool:
        checkpoint = self._checkpoints.get(partition)
        return self._own.get(partition, checkpoint is not None and checkpoint.behind)
