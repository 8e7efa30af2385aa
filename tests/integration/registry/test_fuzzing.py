"""Requests that nobody thought of."""

from __future__ import annotations

from pathlib import Path

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from tests.fuzzing import findings
from tests.serving import listening
from tests.tokens import Issuer


async def test_schemathesis_finds_nothing(settings: RegistrySettings, issuer: Issuer, tmp_path: Path) -> None:
    """What is generated from the OpenAPI document gets the answers that the document promises."""
    await ensure_topics(KafkaAccess(settings.kafka_bootstrap), [topics.CHANGES.under(settings.namespace)])
    async with listening(build(settings)) as url:
        found = await findings(url, issuer.token(), tmp_path)
        assert found is None, found
