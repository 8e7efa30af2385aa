"""Takes a partition up again that stopped at a gap, once the records that were missing have come."""

from __future__ import annotations

from services.coverage.counting.domain.position import Position
from services.coverage.counting.ports import ChangesTopic, Store
from shared.runtime.errors import PermanentError


async def resume(store: Store, topic: ChangesTopic, partition: int) -> Position:
    """Return the position at which the partition's replica goes on; it notices within a second.

    Raises: PermanentError where there is no such partition, or the records are still missing; nothing is changed then.
    FencedError where the partition moved meanwhile, and so is not stopped.
    """
    checkpoint = (await store.checkpoints()).get(partition)
    if checkpoint is None:
        raise PermanentError(f"there is no partition {partition}; write one of 0 to 11")
    before = checkpoint.position
    after = Position(before.next_seq, await topic.offset_of(partition, before))
    await store.resume(partition, before, after)
    return after
