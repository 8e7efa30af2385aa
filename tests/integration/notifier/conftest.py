"""A notifier on real Kafka, MongoDB and SMTP, with a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.notifier.live.inputs import Inputs
from services.notifier.settings import NotifierSettings
from shared.adapters.mongo import Mongo
from shared.runtime.clock import SystemClock
from tests.integration.notifier.mail_server import MailServer
from tests.integration.notifier.stage import Stage
from tests.tokens import AUDIENCE, ISSUER, Issuer


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server of this test's own."""
    server = MailServer()
    async with server.listening():
        yield server


@pytest.fixture
async def settings(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path, mail_server: MailServer
) -> NotifierSettings:
    """Topics, a database and a file of rules of this test's own."""
    key = tmp_path / "ack.key"
    key.write_text("0f" * 32)
    return NotifierSettings(
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace=namespace,
        jwks=await Issuer(SystemClock()).write_keys(tmp_path / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
        instance="notifier-0",
        smtp_port=mail_server.port,
        smtp_tls="none",
        ack_key_file=key,
        rules=tmp_path / "rules.yaml",
    )


@pytest.fixture
async def mongo(settings: NotifierSettings) -> AsyncIterator[Mongo]:
    """The notifier's database, as the test reads it."""
    client = Mongo(settings.mongodb_uri, settings.database("notifier"), "test")
    await Inputs(client).prepare()
    yield client
    client.close()


@pytest.fixture
async def stage(settings: NotifierSettings, mongo: Mongo, mail_server: MailServer) -> AsyncIterator[Stage]:
    """Where a timeline is played."""
    async with Stage.of(settings, mongo, mail_server) as made:
        yield made
