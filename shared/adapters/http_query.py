"""Query parameters: unknown ones are refused, days have one form, and what is malformed is explained in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Final

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from shared.adapters.http_problem import Problem

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NO_DAY: Final = "is no day of the calendar; write it as YYYY-MM-DD, such as 2026-10-31"
_NO_NUMBER: Final = "is no whole number, or far too large; write digits only, such as 100"
_EXPLAINED: Final = {
    "missing": "is missing; send it",
    "int_parsing": _NO_NUMBER,
    "int_parsing_size": _NO_NUMBER,
    "int_from_float": _NO_NUMBER,
    "greater_than_equal": "is too small; write {ge} or more",
    "less_than_equal": "is too large; write {le} or less",
    "literal_error": "is none of the words that this takes; write {expected}",
    "enum": "is none of the words that this takes; write {expected}",
    "bool_parsing": "is neither true nor false; write one of them",
    "string_too_short": "is too short; write at least {min_length} characters",
    "string_too_long": "is too long; write at most {max_length} characters",
    "day": _NO_DAY,
}
"""Pydantic's name of an error → what is wrong and what to do. The names in braces are limits of ours, never a value."""
_OTHER: Final = "has another form than this path takes; /docs shows the right one"


def _day(value: object) -> object:
    """Return the day that a text means. Pydantic itself would also read `0` and `1706659200` as days."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value if _DAY.fullmatch(value) else "")
    except ValueError:
        raise PydanticCustomError("day", _NO_DAY) from None


Day = Annotated[date, BeforeValidator(_day)]
"""A day in a query, as YYYY-MM-DD and in no other form."""


def explain(error: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameter that one of Pydantic's errors is about, what is wrong with it and what to do."""
    known = _EXPLAINED.get(error["type"], _OTHER)
    return {"field": str(error["loc"][1]), "detail": known.format_map(error.get("ctx", {}))}


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise the 422 for a query parameter that the route does not take: a mistyped `as_of` would get today's figures.

    The unknown name itself is not repeated: it may hold anything. The nearest name that the route takes is given.
    """
    if not request.scope["query_string"]:
        return
    parameters = get_flat_params(request.scope["route"].dependant)
    taken = [one.alias for one in parameters if getattr(one.field_info, "in_", None) is ParamTypes.query]
    for name in request.query_params:
        if name not in taken:
            near = get_close_matches(name.lower(), taken, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            known = f"it takes {', '.join(taken)}" if taken else "it takes none"
            detail = f"this path does not take one of the query parameters{meant} ({known})"
            raise Problem(422, "unknown_parameter", detail, field=near[0] if near else None)
