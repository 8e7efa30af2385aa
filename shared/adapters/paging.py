"""Cursors of paged lists. Clients pass them on unread."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from fastapi import Query

from shared.adapters.http_api import Problem

_LARGEST_PAGE: Final = 500
"""A page of the largest snapshots is then about 1 MB."""

Limit = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="Items a page")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


def cursor_at(place: str) -> str:
    """Return the cursor of the page after this place."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> str:
    """Return the place after which the page begins, "" for the first page. Raises: Problem 422."""
    if cursor is None:
        return ""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise malformed_cursor() from error


def cursor_in(order: str, place: str) -> str:
    """Return the cursor of the page after this place in a list that has this order."""
    return cursor_at(f"{order}\n{place}")


def place_in(order: str, cursor: str | None) -> str:
    """Return the place as `place_of` does. Raises: Problem 422 also for a cursor of a list in another order."""
    begun, _, place = place_of(cursor).partition("\n")
    if cursor is not None and begun != order:
        raise Problem(
            422, "other_cursor", "the cursor is of a list in another order; begin without one", field="cursor"
        )
    return place


def malformed_cursor() -> Problem:
    """Return the 422 for a cursor that did not come from a page."""
    return Problem(422, "malformed_cursor", "pass on the `next` of a page as it came, or none", field="cursor")
