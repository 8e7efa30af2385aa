"""Cursors of paged lists. Clients pass them on unread."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from typing import Annotated, Final, TypeVar

import msgspec
from fastapi import Query

from shared.adapters.http_problem import Problem

_LARGEST_PAGE: Final = 500
"""A page of the largest snapshots is then about 1 MB."""

Place = TypeVar("Place")
Limit = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="Items a page")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


def cursor_in(order: str, place: object) -> str:
    """Return the cursor of the page after this place in a list that has this order."""
    return base64.urlsafe_b64encode(msgspec.json.encode([order, place])).decode().rstrip("=")


def place_in(order: str, cursor: str | None, kind: type[Place]) -> Place | None:
    """Return the place after which the page begins, of the type `kind`; None for the first page.

    Raises: Problem 422 for a cursor that no page gave, or that is of a list in another order.
    """
    if cursor is None:
        return None
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        begun, place = msgspec.json.decode(packed, type=tuple[str, msgspec.Raw])
        if begun == order:
            return msgspec.json.decode(place, type=kind)
    except (ValueError, RecursionError) as error:
        raise malformed_cursor() from error
    raise Problem(422, "other_cursor", "the cursor is of another list; begin without one", field="cursor")


def codes_in(order: str, cursor: str | None, known: Collection[str]) -> list[str] | None:
    """Return the region codes of the pages to come; None for the first page. Raises: Problem 422, as `place_in`."""
    codes = place_in(order, cursor, list[str])
    if codes is not None and not set(codes).issubset(known):
        raise malformed_cursor()
    return codes


def following_codes(order: str, codes: Sequence[str], limit: int) -> str | None:
    """Return the cursor that names the codes after this page, so that the order stays while values change."""
    return cursor_in(order, codes[limit:]) if len(codes) > limit else None


def malformed_cursor() -> Problem:
    """Return the 422 for a cursor that did not come from a page."""
    return Problem(422, "malformed_cursor", "pass on the `next` of a page as it came, or none", field="cursor")
