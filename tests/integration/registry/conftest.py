"""Fixtures of the registry's integration tests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from tests.integration.registry.serving import Registry, make_topics, settings_in
from tests.serving import served
from tests.tokens import Issuer


@pytest.fixture
async def settings(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path, issuer: Issuer
) -> RegistrySettings:
    """Settings of a registry of this test's own."""
    return await settings_in(tmp_path, issuer, kafka_bootstrap, mongodb_uri, namespace)


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


@pytest.fixture(scope="module")
async def lasting_registry(
    kafka_bootstrap: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registry]:
    """A registry for all tests of a module: each sends facts under ids of its own."""
    issuer, namespace = Issuer(SystemClock()), f"t{uuid.uuid4().hex[:8]}."
    folder = tmp_path_factory.mktemp("registry")
    settings = await settings_in(folder, issuer, kafka_bootstrap, mongodb_uri, namespace)
    changes = topics.CHANGES.under(namespace)
    await make_topics(settings)
    async with served(build(settings)) as http:
        yield Registry(http, issuer.token(), changes.name, kafka_bootstrap)
