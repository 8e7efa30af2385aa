"""How a service reaches Kafka and logs in: one value for all its clients (ADR 0014)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLScram256, SASLScram512

from shared.runtime.errors import PermanentError

_SCRAM: Final = {"SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


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


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the authorities in the file, or those of the system where there is no file.

    Raises: PermanentError naming the file.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise PermanentError(f"{ca_file} must hold Kafka's CA certificates as PEM ({type(error).__name__})") from error
