"""Requests that nobody thought of."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.registry.app import build
from services.registry.settings import RegistrySettings
from tests.fuzzing import findings
from tests.integration.registry.serving import make_topics
from tests.serving import listening
from tests.tokens import Issuer


@pytest.mark.parametrize("scope", ["facts:write identity:erase", None])
async def test_schemathesis_finds_nothing(
    settings: RegistrySettings, issuer: Issuer, tmp_path: Path, scope: str | None
) -> None:
    """Requests generated from the OpenAPI document get the answers that it promises, whoever sends them."""
    await make_topics(settings)
    async with listening(build(settings)) as url:
        found = await findings(url, issuer.token(scope=scope) if scope else None, tmp_path)
        assert found is None, found
