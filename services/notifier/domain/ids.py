"""Ids that follow from what they name: made again after a crash they are the same."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

_SPACE: Final = UUID("8b7a1f52-6f0e-4f3b-9d2c-6a4f4d1c0e11")
"""Drawn once; another would make the ids of all alerts new ones."""


def alert_id(rule: str, region: str, episode: int) -> str:
    """Return the id of the alert of a rule's nth episode of firing in a region."""
    return str(uuid5(_SPACE, f"{rule}\n{region}\n{episode}"))


def delivery_id(alert: str, official: str, channel: str) -> str:
    """Return the id under which an official gets an alert through a channel."""
    return str(uuid5(_SPACE, f"{alert}\n{official}\n{channel}"))
