"""Masks what looks like an identity number, so that a text may be logged or returned."""

from __future__ import annotations

import re
from typing import Final

_LONG_NUMBER: Final = re.compile(r"\d{11,}")
"""Cards have eleven digits, a NIK sixteen. No count, port, offset or date of ours has so many in a row."""
_LETTERED_NUMBER: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,2}\d{6,8}(?![A-Za-z0-9])")
"""The shape of most passport numbers, not of all: a value known to be personal must not be passed here."""


def holds_long_number(text: str) -> bool:
    """Say whether the text may contain the number of a card or a NIK."""
    return _LONG_NUMBER.search(text) is not None


def masked(text: str) -> str:
    """Return the text with [digits] for every long number and [number] for what looks like a passport number."""
    return _LETTERED_NUMBER.sub("[number]", _LONG_NUMBER.sub("[digits]", text))
