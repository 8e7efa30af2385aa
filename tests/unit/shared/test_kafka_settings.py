"""Settings of Kafka: what clients get, which settings are refused; and how a client stops."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faststream.security import BaseSecurity, SASLScram256

from shared.adapters.kafka_access import KafkaAccess, KafkaSettings, Login, stopped
from shared.runtime.errors import PermanentError
from tests.certificates import Authority


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an authority's certificate, a password, an empty file and one that is no text."""
    Authority("somebody").write(tmp_path / "ca.pem")
    (tmp_path / "password").write_text("long-enough\n")
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    return tmp_path


def access(folder: Path, **given: str) -> KafkaAccess:
    """Return what the settings make; names of files are in the folder."""
    values: dict[str, Any] = {f"kafka_{name}": value for name, value in given.items()}
    for name in ("kafka_ca_file", "kafka_sasl_password_file"):
        if name in values:
            values[name] = folder / values[name]
    return KafkaSettings(kafka_bootstrap="kafka:9092", **values).kafka


def test_without_tls_clients_get_only_the_address(folder: Path) -> None:
    """This is the default, for loopback."""
    assert access(folder).client_options() == {"bootstrap_servers": "kafka:9092"}
    assert str(access(folder)) == "kafka:9092"


def test_over_tls_the_brokers_are_checked_without_a_login(folder: Path) -> None:
    """The file names the authority; names of hosts are checked too."""
    options = access(folder, security_protocol="SSL", ca_file="ca.pem").client_options()
    assert (options["security_protocol"], options["ssl_context"].check_hostname) == ("SSL", True)
    assert len(options["ssl_context"].get_ca_certs()) == 1
    assert "sasl_mechanism" not in options


LOGIN = {"security_protocol": "SASL_SSL", "sasl_username": "registry", "sasl_password_file": "password"}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", None])
def test_a_login_is_given_to_every_client(folder: Path, mechanism: str | None) -> None:
    """The stronger mechanism is the default; the password is never shown."""
    chosen = access(folder, **LOGIN, **({"sasl_mechanism": mechanism} if mechanism else {}))
    options = chosen.client_options()
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == (mechanism or "SCRAM-SHA-512")
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("registry", "long-enough")
    assert str(chosen) == "kafka:9092 as registry"
    assert "long-enough" not in repr(chosen)


def test_faststreams_broker_gets_the_same(folder: Path) -> None:
    """Readers and declared publishers use it."""
    security = access(folder, **LOGIN, sasl_mechanism="SCRAM-SHA-256").broker().specification.security
    assert isinstance(security, SASLScram256)
    assert (security.username, security.password, security.use_ssl) == ("registry", "long-enough", True)
    plain = access(folder, security_protocol="SSL").broker().specification.security
    assert type(plain) is BaseSecurity
    assert plain.use_ssl
    assert access(folder).broker().specification.security is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"security_protocol": "SASL_PLAINTEXT"}, "CAKUPAN_KAFKA_SECURITY_PROTOCOL is 'SASL_PLAINTEXT'; set one of"),
        ({"security_protocol": "ssl"}, "set one of PLAINTEXT, SSL, SASL_SSL"),
        ({"ca_file": "ca.pem"}, "CAKUPAN_KAFKA_CA_FILE has no use with CAKUPAN_KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        ({"sasl_username": "registry"}, "CAKUPAN_KAFKA_SASL_USERNAME has no use"),
        ({"sasl_mechanism": "SCRAM-SHA-512", "security_protocol": "SSL"}, "CAKUPAN_KAFKA_SASL_MECHANISM has no use"),
        ({"sasl_password_file": "password", "security_protocol": "SSL"}, "CAKUPAN_KAFKA_SASL_PASSWORD_FILE has no use"),
        ({"security_protocol": "SASL_SSL"}, "needs CAKUPAN_KAFKA_SASL_USERNAME; set it"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "registry"}, "needs CAKUPAN_KAFKA_SASL_PASSWORD_FILE"),
        (LOGIN | {"sasl_mechanism": "PLAIN"}, "'PLAIN'; set one of SCRAM-SHA-256, SCRAM-SHA-512"),
        (LOGIN | {"sasl_password_file": "absent"}, "absent must hold Kafka's password"),
        (LOGIN | {"sasl_password_file": "binary"}, "binary must hold Kafka's password"),
        (LOGIN | {"sasl_password_file": "empty"}, "empty is empty; it must hold Kafka's password"),
        (LOGIN | {"ca_file": "absent"}, "absent must hold Kafka's CA certificates as PEM"),
        (LOGIN | {"ca_file": "password"}, "password must hold Kafka's CA certificates as PEM"),
    ],
)
def test_wrong_settings_are_refused_with_what_to_do(folder: Path, given: dict[str, str], says: str) -> None:
    """Unknown values, unused or missing settings, and files with other contents; one line each."""
    with pytest.raises(PermanentError) as error:
        access(folder, **given)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_login_in_the_clear_cannot_be_built() -> None:
    """Facts hold identities, which must not travel unencrypted."""
    with pytest.raises(PermanentError, match="needs TLS"):
        KafkaAccess("kafka:9092", login=Login("registry", "x"))


async def test_a_client_that_cannot_stop_is_left() -> None:
    """Over TLS a broker may never close its side; a service that is told to end must not wait for that."""
    begun = asyncio.Event()

    async def without_end() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def failing() -> None:
        raise KafkaConnectionError

    await stopped(without_end(), over_tls=False, within_s=0.001)
    assert begun.is_set()
    await stopped(failing(), over_tls=True)
