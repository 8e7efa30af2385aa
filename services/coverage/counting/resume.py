"""Takes a partition up again that stopped at a gap, once the missing records were published again."""

from __future__ import annotations

from services.coverage.counting.change_log import ChangeLog, Tail
from services.coverage.counting.domain.position import Position
from services.coverage.counting.ports import Store
from shared.runtime.errors import PermanentError


async def resume(store: Store, log: ChangeLog, partition: int) -> Position:
    """Return the position at which the partition's replica goes on; the replica notices within a second.

    Raises: PermanentError where there is no such partition, or the records are still missing; nothing is changed then.
    FencedError where the partition moved meanwhile, and so is not stopped.
    """
    checkpoint = (await store.checkpoints()).get(partition)
    if checkpoint is None:
        raise PermanentError(f"there is no partition {partition}; write one of 0 to 11")
    before = checkpoint.position
    after = Position(before.next_seq, await offset_of(log, partition, before))
    await store.resume(partition, before, after)
    return after


async def offset_of(log: ChangeLog, partition: int, position: Position) -> int:
    """Return the offset from which on every change from the position's `next_seq` to the end is there.

    It is looked for from the position on, then in the whole log: a topic made anew has other offsets.
    Raises: PermanentError naming the first seq that is missing.
    """
    for start in (position.next_offset, 0):
        async with log.opened({partition: start}) as tail:
            offset, missing = await _complete_from(tail, partition, position.next_seq)
        if missing is None:
            return offset
    raise PermanentError(
        f"partition {partition}: seq {missing} is still missing; have the registry publish it and all that follow it "
        "again, then resume"
    )


async def _complete_from(tail: Tail, partition: int, seq: int) -> tuple[int, int | None]:
    """Return the offset from which on no number from `seq` is missing; and the first missing number, if any is."""
    offset, expected, gap, beyond = tail.starts[partition], seq, False, seq
    while part := (await tail.read([partition])).get(partition):
        for at, change in zip(part.offsets, part.changes, strict=True):
            if gap and change.seq == seq:
                offset, expected, gap = at, seq, False
            gap = gap or change.seq > expected
            expected += change.seq == expected and not gap
            beyond = max(beyond, change.seq + 1)
    return offset, expected if expected < beyond else None
