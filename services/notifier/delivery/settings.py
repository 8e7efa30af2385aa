"""Settings of deliveries and channels; the notifier's settings include them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.notifier.delivery.addresses import networks

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts to which a password may go without TLS."""


class DeliverySettings(BaseSettings):
    """`NOTIFIER_*` of deliveries. Connections and rates are those of each replica."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", extra="ignore", populate_by_name=True)

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    smtp_sender: str = Field(
        "Cakupan <cakupan@example.id>", description="Sender; its domain is part of the Message-IDs"
    )
    smtp_tls: Literal["starttls", "implicit", "none"] = Field(
        "starttls", description="How the mail server is reached: after STARTTLS, with TLS from the start, or in clear"
    )
    smtp_user: str = Field("", description="Login at the mail server; empty: none")
    smtp_password_file: Path | None = Field(None, description="File with the password of smtp_user")
    unsubscribe: str = Field(
        "", description="List-Unsubscribe of digests: a mailto: or https: address; empty: mail to the sender"
    )
    channels_ca_file: Path | None = Field(
        None, description="PEM of the authorities that vouch for mail server and webhooks; none: those of the system"
    )
    webhook_keys_file: Path | None = Field(
        None, description="File with the keys that sign webhooks, one a line; each signs, so that a key can be changed"
    )
    webhook_source: str = Field("urn:cakupan:notifier", description="The CloudEvents source of webhooks")
    private_networks: str = Field(
        "",
        description="Networks (10.1.0.0/16), with commas, that webhooks and chat may reach though they are not public",
    )
    chat_schemas: str = Field(
        "tgram,slack,discord,workflows,gchat,mmosts,rockets,ntfys",
        description="Apprise schemas, with commas, that a chat address may have; never one that writes to this machine",
    )
    email_connections: int = Field(32, ge=1, description="Connections to the mail server, each kept for many messages")
    webhook_connections: int = Field(32, ge=1, description="Webhooks that are called at the same time")
    chat_connections: int = Field(8, ge=1, description="Chat messages that are sent at the same time")
    email_per_s: float | None = Field(None, gt=0, description="E-mails a second at most; none: no limit")
    webhook_per_s: float | None = Field(None, gt=0, description="Webhook calls a second at most; none: no limit")
    chat_per_s: float | None = Field(10, gt=0, description="Chat messages a second at most; none: no limit")
    retry_first_s: float = Field(30, gt=0, description="Pause after the first failed try; doubles each time")
    retry_longest_s: float = Field(3600, gt=0, description="Longest pause between tries, before chance adds ±20 %")
    give_up_after_s: float = Field(86_400, gt=0, description="Since the first try; then a delivery is dead")
    keep_messages_days: int = Field(
        90, ge=1, description="Days after which the text of a sent message is deleted; who was told what when stays"
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if (self.smtp_user == "") != (self.smtp_password_file is None):
            raise ValueError("smtp_user and smtp_password_file: set both, or neither")
        if self.smtp_user and self.smtp_tls == "none" and self.smtp_host not in _LOOPBACK:
            raise ValueError("smtp_tls is none, so the password would travel in clear: set starttls or implicit")
        if self.unsubscribe and not self.unsubscribe.startswith(("mailto:", "https://")):
            raise ValueError(f"unsubscribe = {self.unsubscribe!r}: write a mailto: or https: address")
        networks(self.private_networks)
        return self

    @property
    def keep_messages(self) -> timedelta:
        """How long a message is kept after it was sent."""
        return timedelta(days=self.keep_messages_days)

    @property
    def give_up_after(self) -> timedelta:
        """How long a delivery is tried since its first try."""
        return timedelta(seconds=self.give_up_after_s)
