"""Limits on what a body holds, checked piece by piece while it is read: a few packed bytes may unpack to very many."""

from __future__ import annotations

import re
from typing import Final

from shared.adapters.http_problem import Problem

_ENDS: Final = re.compile(rb"\r\n?|\n")
_FILLED: Final = re.compile(rb"[^\r\n]+")


class LineLimit:
    """Refuses a body at the first line too many. Blank lines are not counted up to as many again.

    A line break inside a quoted CSV cell ends a line here: rows are counted elsewhere, and are never more than lines.
    """

    def __init__(self, at_most: int, *, header: bool = False) -> None:
        self._at_most = at_most
        self._allowed = at_most + header
        self._filled = 0
        self._ends = 0
        self._inside = False

    def __call__(self, piece: bytes) -> None:
        """Count a piece. Raises: Problem 413."""
        if not piece:
            return
        goes_on = self._inside and piece[:1] not in b"\r\n"
        if b"\r" in piece or b"\n\n" in piece:
            filled, ends = len(_FILLED.findall(piece)), len(_ENDS.findall(piece))
        else:
            # As nearly all bodies are: no line is blank, and to count line feeds takes a tenth of the time.
            ends = piece.count(b"\n")
            filled = ends + 1 - piece.startswith(b"\n") - piece.endswith(b"\n")
        self._filled += filled - goes_on
        self._ends += ends
        self._inside = piece[-1:] not in b"\r\n"
        if self._filled > self._allowed or self._ends > 2 * self._allowed:
            raise Problem(413, "too_large", f"there are more than {self._at_most} lines; send less at once")


class ObjectLimit:
    """Refuses a JSON list once it has begun twice as many objects as it may hold; a text may hold braces, too."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._begun = 0

    def __call__(self, piece: bytes) -> None:
        """Count a piece. Raises: Problem 413."""
        self._begun += piece.count(b"{")
        if self._begun > 2 * self._at_most:
            raise Problem(413, "too_large", f"there are more than {self._at_most} rows; send the file in parts")
