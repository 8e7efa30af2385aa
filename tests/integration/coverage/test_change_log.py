"""The topic of changes as a log, where Kafka is away."""

from __future__ import annotations

import gc

import pytest

from services.coverage.counting.kafka.decoder import ChangeDecoder
from services.coverage.counting.kafka.log import KafkaChangeLog
from shared.adapters.kafka_access import KafkaAccess
from shared.regions.catalogue import catalogue
from shared.runtime.errors import TransientError


async def test_a_start_that_fails_leaves_no_client_behind(recwarn: pytest.WarningsRecorder) -> None:
    """One left open warns when the collector finds it, in whichever test comes next."""
    log = KafkaChangeLog(KafkaAccess("127.0.0.1:1"), "enrollment.changed.v1", ChangeDecoder(catalogue().__contains__))
    with pytest.raises(TransientError):
        async with log.opened({0: 0}):
            pass
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
