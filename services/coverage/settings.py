"""Coverage's settings, from the environment."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from shared.adapters.settings import CommonSettings


class CoverageSettings(CommonSettings):
    """`COVERAGE_*`, besides what all services share."""

    model_config = SettingsConfigDict(env_prefix="COVERAGE_", extra="ignore", populate_by_name=True)

    port: int = 8002
