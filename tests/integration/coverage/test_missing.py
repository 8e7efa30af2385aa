"""Finding the missing changes on a real topic, wherever they were published again."""

from __future__ import annotations

import pytest

from services.coverage.counting.domain.position import Position
from services.coverage.counting.kafka.missing import KafkaChanges
from shared.adapters.kafka_access import KafkaAccess
from shared.contracts import topics
from shared.runtime.errors import PermanentError
from tests.factories_coverage import change, joined, partition
from tests.integration.coverage.stack import Stack


@pytest.mark.parametrize(
    ("seqs", "position", "found"),
    [
        pytest.param([0, 1, 4, 5, 2, 3, 4, 5], Position(2, 2), 4, id="after the gap"),
        pytest.param([0, 1, 2, 3], Position(2, 3), 0, id="a topic made anew, with smaller offsets"),
        pytest.param([0, 1, 2], Position(2, 7), 0, id="a topic made anew that is shorter"),
        pytest.param([0, 1], Position(2, 2), 2, id="nothing was missing"),
        pytest.param([0, 0, 1, 1, 2], Position(1, 1), 1, id="repeated on the way"),
    ],
)
async def test_the_offset_to_go_on_at_is_found(stack: Stack, seqs: list[int], position: Position, found: int) -> None:
    """From there on every number from the position's is there; what stands there twice does no harm."""
    await stack.publish([change(seq) for seq in seqs])
    assert await _topic(stack).offset_of(partition(), position) == found


async def test_what_is_still_missing_is_named(stack: Stack) -> None:
    """The first of them, also where later ones are there."""
    await stack.publish([*joined(3), change(4), change(6)])
    with pytest.raises(PermanentError, match="seq 3 is still missing"):
        await _topic(stack).offset_of(partition(), Position(2, 2))


def _topic(stack: Stack) -> KafkaChanges:
    return KafkaChanges(KafkaAccess(stack.kafka), topics.CHANGES.under(stack.namespace).name)
