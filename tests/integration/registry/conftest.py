"""Fixtures of the registry's integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from tests.integration.registry.serving import Registry, make_topics
from tests.serving import served
from tests.tokens import AUDIENCE, ISSUER, Issuer


@pytest.fixture
async def settings(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path, issuer: Issuer
) -> RegistrySettings:
    """Settings of a registry of this test's own."""
    secret = tmp_path / "identity.key"
    secret.write_text("5e" * 32)
    return RegistrySettings(
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace=namespace,
        jwks=await issuer.write_keys(tmp_path / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
        instance="registry-0",
        identity_key_file=secret,
    )


@pytest.fixture
def issuer() -> Issuer:
    """Signs this test's tokens."""
    return Issuer(SystemClock())


@pytest.fixture
async def registry(settings: RegistrySettings, issuer: Issuer) -> AsyncIterator[Registry]:
    """A registry with its topics."""
    changes = topics.CHANGES.under(settings.namespace)
    await make_topics(settings)
    async with served(build(settings)) as http:
        yield Registry(http, issuer.token(), changes.name, settings.kafka_bootstrap)
