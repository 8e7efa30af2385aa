"""Ids that follow from what they name: made again after a crash they are the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID, uuid5

_SPACE: Final = UUID("8b7a1f52-6f0e-4f3b-9d2c-6a4f4d1c0e11")
"""Drawn once; another would make the ids of all alerts new ones."""


def alert_id(rule: str, region: str, episode: int) -> str:
    """Return the id of the alert that an episode of a rule in a region makes."""
    return str(uuid5(_SPACE, f"{rule}/{region}/{episode}"))


def delivery_id(official: str, channel: str, occasion: str, instant: str, alerts: Iterable[str]) -> str:
    """Return the id of one message to one official through one channel (`kind:address`), told at the instant."""
    return str(uuid5(_SPACE, f"{official}/{channel}/{occasion}/{instant}/{','.join(sorted(alerts))}"))
