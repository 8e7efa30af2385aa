"""Where the parts of a local stack answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs, without a slash at the end."""

    registry: str
    coverage: str
    notifier: str
    mailbox: str
