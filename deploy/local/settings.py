"""The local stack's settings, from the environment; tests give their own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from deploy.local.home import REPOSITORY, Home
from shared.adapters.kafka_settings import KafkaSettings

_PARTS: Final = ("registry", "coverage", "notifier", "mailbox", "smtp")


class StackSettings(KafkaSettings):
    """Ports of 0 are chosen once and remembered. Servers that are named here are used and not started.

    `mongodb_cache_gb`: half the memory would be mongod's default, too much beside everything else; it suffices for
    some 100,000 people.
    """

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    folder: Path = Field(REPOSITORY / ".local", validation_alias=AliasChoices("CAKUPAN_LOCAL"))
    kafka_bootstrap: str = Field("", validation_alias=AliasChoices("CAKUPAN_KAFKA_BOOTSTRAP"))
    mongodb_uri: str = Field("", validation_alias=AliasChoices("CAKUPAN_MONGODB_URI"))
    mongodb_cache_gb: float = Field(0.25, validation_alias=AliasChoices("CAKUPAN_MONGODB_CACHE_GB"))
    namespace: str = Field("", validation_alias=AliasChoices("CAKUPAN_NAMESPACE"))
    host: str = Field("127.0.0.1", validation_alias=AliasChoices("CAKUPAN_HOST"))
    registry_port: int = Field(8001, validation_alias=AliasChoices("REGISTRY_PORT"))
    coverage_port: int = Field(8002, validation_alias=AliasChoices("COVERAGE_PORT"))
    notifier_port: int = Field(8003, validation_alias=AliasChoices("NOTIFIER_PORT"))
    mailbox_port: int = Field(8025, validation_alias=AliasChoices("MAILBOX_PORT"))
    smtp_port: int = Field(0, validation_alias=AliasChoices("MAILBOX_SMTP_PORT"))

    @property
    def ports(self) -> dict[str, int]:
        """The port wanted for each part, 0 where any will do."""
        return {name: getattr(self, f"{name}_port") for name in _PARTS}

    @staticmethod
    def variable(part: str) -> str:
        """Return the variable that moves a part to another port."""
        return "MAILBOX_SMTP_PORT" if part == "smtp" else f"{part.upper()}_PORT"

    @property
    def home(self) -> Home:
        """Where this stack keeps its things."""
        return Home(self.folder)
