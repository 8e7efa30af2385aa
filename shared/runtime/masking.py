"""Text that may be told and logged: what looks like somebody's number is taken out."""

from __future__ import annotations

import re
from typing import Final

_LONG_NUMBER: Final = re.compile(r"\d{11,}")
"""Cards have eleven digits, national numbers more; no count, port, offset or date of ours has as many in a row."""
_LETTERED_NUMBER: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,2}\d{6,8}(?![A-Za-z0-9])")
"""As most travel documents are numbered. Not all are: a value known to be personal must not come this far."""


def holds_long_number(text: str) -> bool:
    """Say whether a card's or a national number may stand in the text."""
    return _LONG_NUMBER.search(text) is not None


def masked(text: str) -> str:
    """Return the text with every long number, and every lettered one, replaced by what it was."""
    return _LETTERED_NUMBER.sub("[number]", _LONG_NUMBER.sub("[digits]", text))
