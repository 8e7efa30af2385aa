"""How a service reaches Kafka and logs in: one value, made of the settings, for all its clients (ADR 0014)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLScram256, SASLScram512
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.runtime.errors import PermanentError

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_SSL")
_PREFIX: Final = "CAKUPAN_KAFKA_"
_SCRAM: Final = {"SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
_LEFT_AFTER_S: Final = 2.0
"""Over TLS a client that stops waits half a minute for the broker to close its side too, which Kafka may not do."""
_LET_FINISH_S: Final = 5.0
"""Against a Kafka that answers, a start takes milliseconds, whether it succeeds or is refused."""


@dataclass(frozen=True, slots=True)
class Login:
    """Our login by SCRAM, which never sends the password itself."""

    username: str
    password: str = field(repr=False)
    mechanism: str = "SCRAM-SHA-512"

    def __post_init__(self) -> None:
        if self.mechanism not in _SCRAM:
            raise PermanentError(f"Kafka's SASL mechanism is {self.mechanism!r}; set one of {', '.join(_SCRAM)}")


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Where Kafka is, and how it is reached: unencrypted, over TLS, or over TLS with a login."""

    bootstrap: str
    tls: ssl.SSLContext | None = None
    login: Login | None = None

    def __post_init__(self) -> None:
        if self.login and not self.tls:
            raise PermanentError("a Kafka login needs TLS: facts hold identities, and would travel in the clear")

    def __str__(self) -> str:
        return f"{self.bootstrap} as {self.login.username}" if self.login else self.bootstrap

    def client_options(self) -> dict[str, Any]:
        """Return the options of aiokafka's clients."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.tls:
            options |= {"security_protocol": "SASL_SSL" if self.login else "SSL", "ssl_context": self.tls}
        if self.login:
            options |= {
                "sasl_mechanism": self.login.mechanism,
                "sasl_plain_username": self.login.username,
                "sasl_plain_password": self.login.password,
            }
        return options

    def broker(self) -> KafkaBroker:
        """Return FastStream's broker, which makes consumers and describes our topics; `publish_through` lets it write.

        It creates no topics, since they would have one partition; its own logger is off, since its lines are not JSON.
        """
        return KafkaBroker(
            self.bootstrap,
            consumer_only=True,
            allow_auto_create_topics=False,
            logger=None,
            security=self._security(),
        )

    def _security(self) -> BaseSecurity | None:
        if self.login:
            scram = _SCRAM[self.login.mechanism]
            return scram(self.login.username, self.login.password, ssl_context=self.tls)
        return BaseSecurity(ssl_context=self.tls) if self.tls else None


class KafkaSettings(BaseSettings):
    """`CAKUPAN_KAFKA_*`, for all services."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    kafka_bootstrap: str = Field("127.0.0.1:9092", validation_alias="CAKUPAN_KAFKA_BOOTSTRAP")
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        validation_alias="CAKUPAN_KAFKA_SECURITY_PROTOCOL",
        description="PLAINTEXT, SSL or SASL_SSL; PLAINTEXT only where nobody can listen",
    )
    kafka_ca_file: Path | None = Field(
        None,
        validation_alias="CAKUPAN_KAFKA_CA_FILE",
        description="Authorities that may sign the brokers' certificates, as PEM; without it those of the system",
    )
    kafka_sasl_mechanism: str | None = Field(
        None,
        validation_alias="CAKUPAN_KAFKA_SASL_MECHANISM",
        description="SCRAM-SHA-512 (the default) or SCRAM-SHA-256",
    )
    kafka_sasl_username: str | None = Field(None, validation_alias="CAKUPAN_KAFKA_SASL_USERNAME")
    kafka_sasl_password_file: Path | None = Field(None, validation_alias="CAKUPAN_KAFKA_SASL_PASSWORD_FILE")

    @property
    def kafka(self) -> KafkaAccess:
        """How every client reaches Kafka. Raises: PermanentError naming a variable that is wrong, missing or unused."""
        protocol = self.kafka_security_protocol
        if protocol not in _PROTOCOLS:
            raise PermanentError(f"{_PREFIX}SECURITY_PROTOCOL is {protocol!r}; set one of {', '.join(_PROTOCOLS)}")
        self._refuse_unused(protocol)
        tls = None if protocol == "PLAINTEXT" else _trusting(self.kafka_ca_file)
        return KafkaAccess(self.kafka_bootstrap, tls, self._login() if protocol == "SASL_SSL" else None)

    def _refuse_unused(self, protocol: str) -> None:
        """Refuse a variable that the protocol does not use: whoever set it believes that it protects something."""
        unused = ["ca_file"] if protocol == "PLAINTEXT" else []
        unused += [] if protocol == "SASL_SSL" else ["sasl_mechanism", "sasl_username", "sasl_password_file"]
        for name in unused:
            if getattr(self, f"kafka_{name}") is not None:
                raise PermanentError(
                    f"{_PREFIX}{name.upper()} has no use with {_PREFIX}SECURITY_PROTOCOL={protocol}; "
                    "change the protocol or unset it"
                )

    def _login(self) -> Login:
        username, file = self.kafka_sasl_username, self.kafka_sasl_password_file
        if not username or file is None:
            missing = "SASL_PASSWORD_FILE" if username else "SASL_USERNAME"
            raise PermanentError(f"{_PREFIX}SECURITY_PROTOCOL=SASL_SSL needs {_PREFIX}{missing}; set it")
        return Login(username, _password(file), self.kafka_sasl_mechanism or "SCRAM-SHA-512")


def _password(file: Path) -> str:
    try:
        password = file.read_text().strip()
    except (OSError, ValueError) as error:
        raise PermanentError(f"{file} must hold Kafka's password ({type(error).__name__})") from error
    if not password:
        raise PermanentError(f"{file} is empty; it must hold Kafka's password")
    return password


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the authorities in the file, or those of the system where there is no file.

    Raises: PermanentError naming the file.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise PermanentError(f"{ca_file} must hold Kafka's CA certificates as PEM ({type(error).__name__})") from error


async def stopped(stop: Coroutine[Any, Any, None], *, over_tls: bool, within_s: float | None = None) -> None:
    """Return once a client has stopped, or could not, or `within_s` is over; over TLS two seconds.

    A client that is left keeps its connection open. So where nothing keeps it from closing, it is waited for.
    """
    with suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(_LEFT_AFTER_S if over_tls else within_s):
            await stop


async def started(start: Coroutine[Any, Any, None], within_s: float) -> None:
    """Return once the start is done. Raises: TimeoutError, and what the start raises.

    A start that is cancelled half way leaves its connection open. So on cancellation, or when the time is over, this
    lets the start finish first.
    """
    task = asyncio.ensure_future(start)
    try:
        async with asyncio.timeout(within_s):
            await asyncio.shield(task)
    except (asyncio.CancelledError, TimeoutError):
        await asyncio.wait({task}, timeout=_LET_FINISH_S)
        task.cancel()
        raise
