"""Cursors: where a list goes on, opaque to those who page through it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from fastapi import Query

from shared.adapters.http_api import Problem

_LARGEST_PAGE: Final = 500

Limit = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="Items a page")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


def cursor_at(place: str) -> str:
    """Return the cursor that goes on after this place."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> str:
    """Return the place after which the page begins; "" is before all. Raises: Problem 422 for a made-up cursor."""
    if cursor is None:
        return ""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise malformed_cursor() from error


def cursor_in(order: str, place: str) -> str:
    """Return the cursor that goes on after this place in a list of this order."""
    return cursor_at(f"{order}\n{place}")


def place_in(order: str, cursor: str | None) -> str:
    """Return the place in a list of this order; "" is before all. Raises: Problem 422 for another list's cursor too."""
    begun, _, place = place_of(cursor).partition("\n")
    if cursor is not None and begun != order:
        raise Problem(
            422, "other_cursor", "the cursor is of a list in another order; begin without one", field="cursor"
        )
    return place


def malformed_cursor() -> Problem:
    """Return the 422 for a cursor that no page gave."""
    return Problem(422, "malformed_cursor", "pass on the `next` of a page as it came, or none", field="cursor")
