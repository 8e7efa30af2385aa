"""Which Kafka the local stack stands on, and how it is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.servers import Servers
from deploy.local.settings import StackSettings
from shared.runtime.errors import PermanentError


def test_a_named_kafka_is_reached_as_the_settings_say(tmp_path: Path) -> None:
    """Topics are made there over TLS too."""
    settings = StackSettings(folder=tmp_path, kafka_bootstrap="kafka:9093", kafka_security_protocol="SSL")
    assert Servers(settings).kafka.client_options()["security_protocol"] == "SSL"
    assert Servers(settings).kafka.bootstrap == "kafka:9093"


async def test_our_own_kafka_has_no_tls_and_nothing_is_started_for_whoever_asks_for_it(tmp_path: Path) -> None:
    """Otherwise the services would wait for a listener that never comes."""
    servers = Servers(StackSettings(folder=tmp_path, kafka_bootstrap="", kafka_security_protocol="SSL"))
    with pytest.raises(PermanentError, match="unset CAKUPAN_KAFKA_SECURITY_PROTOCOL, or name yours"):
        await servers.start()
    assert servers.children == []
