"""Coverage's settings, from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.adapters.settings import CommonSettings


class CoverageSettings(CommonSettings):
    """`COVERAGE_*`, besides what all services share."""

    model_config = SettingsConfigDict(env_prefix="COVERAGE_", extra="ignore", populate_by_name=True)

    port: int = 8002
    operators_port: int = Field(9002, description="Where metrics and health with reasons are; 0 takes any free port")
    streams_per_address: int = Field(50, ge=1, description="Streams that one address may have open at once")
    stream_minutes: float = Field(15, gt=0, description="After so long a stream ends; its client connects again")
    public_url: str = Field(
        "http://127.0.0.1:8002", description="Where readers find this: base of links in files and pages"
    )
    notifier_url: str = Field("http://127.0.0.1:8003", description="Whom pages ask for alerts")
    oidc_issuer: str = Field("", description="Where officials sign in (OpenID Connect); empty: nowhere")
    oidc_client_id: str = ""
    oidc_client_secret_file: Path | None = Field(None, description="None for a public client")
    ready_tokens: Path | None = Field(
        None, description="Folder of tokens that the sign-in page gives to anyone: only for a stack on this machine"
    )
    cors_origins: list[str] = Field(
        default_factory=list,
        description='Web sites whose scripts may read the API, as JSON: ["https://data.example.go.id"]; none',
    )

    @property
    def stream_longest(self) -> timedelta:
        """How long a stream may last."""
        return timedelta(minutes=self.stream_minutes)
