"""Notifier's settings, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.notifier.delivery.settings import DeliverySettings
from shared.adapters.settings import CommonSettings


class NotifierSettings(CommonSettings, DeliverySettings):
    """`NOTIFIER_*`, in addition to the settings that all services share."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", extra="ignore", populate_by_name=True)

    port: int = 8003
    operators_port: int = Field(9003, description="Where metrics and health with reasons are; 0 takes any free port")
    rules: Path = Field(
        Path("deploy/local/notifier/rules.yaml"), description="Rules, in YAML; a change is in force within a second"
    )
    pages_url: str = Field("http://127.0.0.1:8002", description="Base of the links to a region's page")
    public_url: str = Field(
        "http://127.0.0.1:8003", description="Where officials reach this service; base of the links to acknowledge"
    )
    ack_key_file: Path = Field(
        Path(".local/keys/ack-links.key"),
        description="The key that signs the links to acknowledge: at least 64 hex digits; all replicas have the same",
    )
