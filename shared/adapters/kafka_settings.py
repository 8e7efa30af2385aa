"""How Kafka is reached, from environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.adapters.kafka_access import KafkaAccess, Login, trusting
from shared.runtime.errors import PermanentError

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_SSL")
_PREFIX: Final = "CAKUPAN_KAFKA_"


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
        tls = None if protocol == "PLAINTEXT" else trusting(self.kafka_ca_file)
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
