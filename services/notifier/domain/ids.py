"""Ids computed from what they name, so that they are the same after a crash."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

_SPACE: Final = UUID("8b7a1f52-6f0e-4f3b-9d2c-6a4f4d1c0e11")
"""A random id. Changing it would change the ids of all alerts."""


def alert_id(rule: str, region: str, episode: int) -> str:
    """Return the id of the alert for an episode of a rule in a region."""
    return str(uuid5(_SPACE, f"{rule}\n{region}\n{episode}"))


def delivery_id(alert: str, official: str, channel: str) -> str:
    """Return the id of the delivery of an alert to an official through a channel."""
    return str(uuid5(_SPACE, f"{alert}\n{official}\n{channel}"))
