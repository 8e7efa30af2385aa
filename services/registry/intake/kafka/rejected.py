"""Reports on enrollment.facts.rejected.v1 which facts of the topic were refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from aiokafka import ConsumerRecord
from faststream.kafka.publisher.usecase import DefaultPublisher

from services.registry.domain.outcomes import Outcome
from services.registry.intake.metrics import CONFLICT, IntakeMetrics
from services.registry.intake.parsing import Candidate
from shared.contracts.rejections import Rejection
from shared.runtime.logging import logger
from shared.runtime.masking import masked

_log = logger(__name__)

_LONGEST_NAME: Final = 512
"""What a source or id may have at most (`shared/contracts/facts.py`). Of a longer one the beginning is reported."""


def rejection_of(record: ConsumerRecord, candidate: Candidate, outcome: Outcome) -> Rejection:
    """Return the report of a fact that was refused, or whose id another fact has."""
    source, id_ = (None if name is None else masked(name)[:_LONGEST_NAME] for name in candidate.named)
    refusal = outcome.refusal
    return Rejection(
        source=source,
        id=id_,
        code=refusal.code.value if refusal else CONFLICT,
        field=refusal.field if refusal else "id",
        detail=refusal.detail if refusal else "another fact has this source and id; give a new fact a new id",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


class RejectedTopic:
    """Writes to the rejected topic, through the publisher that the AsyncAPI document describes."""

    def __init__(self, publisher: DefaultPublisher, metrics: IntakeMetrics) -> None:
        self._publisher = publisher
        self._metrics = metrics

    async def publish(self, rejections: Sequence[Rejection]) -> None:
        """Return once all are acknowledged.

        Raises: TransientError, after which any part may have been written; PermanentError where we may not write.
        """
        if not rejections:
            return
        results = await asyncio.gather(*map(self._publish, rejections), return_exceptions=True)
        for error in filter(None, results):
            raise error
        codes = Counter(one.code for one in rejections)
        self._metrics.rejected(codes)
        _log.warning("facts of the topic were refused", codes=dict(codes))

    async def _publish(self, rejection: Rejection) -> None:
        place = f"{rejection.topic}/{rejection.partition}/{rejection.offset}"
        headers = {"reason": rejection.code, "from": place, "content-type": "application/json"}
        await self._publisher.publish(rejection, key=place.encode(), partition=0, headers=headers)
