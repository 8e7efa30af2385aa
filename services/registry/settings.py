"""The registry's settings, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.adapters.settings import CommonSettings


class RegistrySettings(CommonSettings):
    """The `REGISTRY_*` variables, besides those that all services share."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_", extra="ignore", populate_by_name=True)

    port: int = 8001
    operators_port: int = Field(9001, description="Where metrics and health with reasons are; 0 takes any free port")
    identity_key_file: Path = Field(
        Path(".local/keys/identity.key"),
        description="64 hex digits; whoever has them can try out identities, and without them none is recognised",
    )
    facts_in_flight_per_caller: int = Field(
        8000,
        ge=1000,
        description="Facts of one token's subject being taken at once; under the 10,000 that may wait in all, so that "
        "others find room beside the greediest",
    )
