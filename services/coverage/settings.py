"""Coverage's settings, from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.adapters.settings import CommonSettings


class CoverageSettings(CommonSettings):
    """`COVERAGE_*`, besides what all services share."""

    model_config = SettingsConfigDict(env_prefix="COVERAGE_", extra="ignore", populate_by_name=True)

    port: int = 8002
    public_url: str = Field("http://127.0.0.1:8002", description="Base of the links that files hold")
    cors_origins: list[str] = Field(
        default_factory=list,
        description='Web sites whose scripts may read the API, as JSON: ["https://data.example.go.id"]; none',
    )
