"""Settings that every service reads from its environment. Each service adds its own, under its own prefix."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from shared.adapters.kafka_access import KafkaSettings


class CommonSettings(KafkaSettings):
    """`CAKUPAN_*`: settings that all services share."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    mongodb_uri: str = Field("mongodb://127.0.0.1:27017/?directConnection=true", validation_alias="CAKUPAN_MONGODB_URI")
    mongodb_uri_file: Path | None = Field(
        None,
        validation_alias="CAKUPAN_MONGODB_URI_FILE",
        description="A file that holds the URI, which has a password in it; it takes the place of CAKUPAN_MONGODB_URI",
    )
    namespace: str = Field(
        "",
        validation_alias="CAKUPAN_NAMESPACE",
        description="Put before topic, group and database names, so that several stacks can share the servers",
    )
    jwks: str = Field(
        ".local/keys/jwks.json",
        validation_alias="CAKUPAN_JWKS",
        description="The token issuer's public keys: a URL or a file",
    )
    token_issuer: str = Field("https://cakupan.local", validation_alias="CAKUPAN_TOKEN_ISSUER")
    token_audience: str = Field("cakupan", validation_alias="CAKUPAN_TOKEN_AUDIENCE")
    instance: str = Field(
        default_factory=socket.gethostname,
        validation_alias="CAKUPAN_INSTANCE",
        description="Names this replica; the same after a restart, different among replicas",
    )
    log_level: str = Field("INFO", validation_alias="CAKUPAN_LOG_LEVEL")
    host: str = Field("127.0.0.1", validation_alias="CAKUPAN_HOST")
    operators_host: str = Field(
        "127.0.0.1",
        validation_alias="CAKUPAN_OPERATORS_HOST",
        description="Where the operators' listener is: it asks for no token, so only loopback or a network of your own",
    )
    proxies: str = Field(
        "",
        validation_alias="CAKUPAN_PROXIES",
        description="Addresses or networks (10.0.0.0/8) of our own proxies, with commas; from them alone "
        "X-Forwarded-For is believed",
    )
    requests_per_address: int = Field(
        50,
        ge=1,
        validation_alias="CAKUPAN_REQUESTS_PER_ADDRESS",
        description="Requests without a token that one address may have answered at once",
    )
    body_within_s: float = Field(
        30,
        gt=0,
        validation_alias="CAKUPAN_BODY_WITHIN_S",
        description="How long a small request body may take to arrive; at 16 KiB a second it may take longer",
    )

    @model_validator(mode="after")
    def _read_mongodb_uri(self) -> Self:
        """Take the URI from its file where there is one. Raises: ValueError naming the file."""
        if self.mongodb_uri_file is not None:
            try:
                self.mongodb_uri = self.mongodb_uri_file.read_text().strip()
            except (OSError, ValueError) as error:
                raise ValueError(f"{self.mongodb_uri_file} must hold MongoDB's URI ({type(error).__name__})") from error
        return self

    @property
    def authorities(self) -> dict[str, Path]:
        """The files of authorities that we trust, by the name of the server that they vouch for."""
        options = {name.lower(): value for name, value in parse_qsl(urlsplit(self.mongodb_uri).query)}
        files = {"kafka": self.kafka_ca_file, "mongodb": options.get("tlscafile")}
        return {server: Path(file) for server, file in files.items() if file}

    @property
    def body_within(self) -> timedelta:
        """How long a small request body may take to arrive."""
        return timedelta(seconds=self.body_within_s)

    def database(self, service: str) -> str:
        """Return the name of the service's own database."""
        prefix = self.namespace.replace(".", "_")
        return f"{prefix}cakupan_{service}"
