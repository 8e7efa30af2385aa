"""Requests that nobody thought of."""

from __future__ import annotations

from pathlib import Path

from services.registry.app import build
from services.registry.settings import RegistrySettings
from tests.fuzzing import findings
from tests.integration.registry.serving import make_topics
from tests.serving import listening
from tests.tokens import Issuer


async def test_schemathesis_finds_nothing(settings: RegistrySettings, issuer: Issuer, tmp_path: Path) -> None:
    """What is generated from the OpenAPI document gets the answers that the document promises."""
    await make_topics(settings)
    async with listening(build(settings)) as url:
        found = await findings(url, issuer.token(), tmp_path)
        assert found is None, found
