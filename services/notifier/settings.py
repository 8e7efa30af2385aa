"""Notifier's settings, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.adapters.settings import CommonSettings


class NotifierSettings(CommonSettings):
    """`NOTIFIER_*`, in addition to the settings that all services share."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", extra="ignore", populate_by_name=True)

    port: int = 8003
    operators_port: int = Field(9003, description="Where metrics and health with reasons are; 0 takes any free port")
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    smtp_sender: str = Field(
        "Cakupan <cakupan@example.id>", description="Sender; its domain is part of the Message-IDs"
    )
    rules: Path = Field(Path("deploy/local/notifier/rules.yaml"), description="Rules, in YAML")
    officials: Path = Field(Path("deploy/local/notifier/officials.yaml"), description="Officials, in YAML")
    pages_url: str = Field("http://127.0.0.1:8002", description="Base of the links to a region's page")
    public_url: str = Field(
        "http://127.0.0.1:8003", description="Where officials reach this service; base of the links to acknowledge"
    )
    ack_key_file: Path = Field(
        Path(".local/keys/ack-links.key"),
        description="The key that signs the links to acknowledge: at least 64 hex digits; all replicas have the same",
    )
    workers: int = Field(4, ge=1, description="Messages that are sent at the same time")
    settle_s: float = Field(
        1.2,
        ge=0,
        description="How long a message waits at most for the regions below; coverage publishes each once a second",
    )
    retry_first_s: float = Field(1, gt=0, description="Pause after the first failed attempt; doubles each time")
    retry_longest_s: float = Field(900, gt=0, description="Longest pause between attempts")
    tries: int = Field(
        100, ge=1, description="Attempts before a delivery is given up; with the other defaults after a day"
    )
