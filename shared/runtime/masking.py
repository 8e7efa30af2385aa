"""Masks what looks like an identity number, so that a text may be logged or returned."""

from __future__ import annotations

import re
from typing import Final

_IDENTITY: Final = re.compile(
    r"(?P<digits>\d(?:[\W_]{0,3}\d){10,})|(?<![A-Za-z0-9])(?P<number>[A-Za-z]{1,2}\d{6,8})(?![A-Za-z0-9])"
)
"""A card has eleven digits, a NIK sixteen, in one run or with blanks, dots or dashes between them. Most passports have
a letter or two and six to eight digits, not all: a value known to be personal must not be passed here."""


def masked(text: str) -> str:
    """Return the text with [digits] for each number as long as a card's, [number] for each like a passport's."""
    return _IDENTITY.sub(lambda found: f"[{found.lastgroup}]", text)
