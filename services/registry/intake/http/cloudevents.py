"""Reads a CloudEvent from an HTTP request, structured or binary (CloudEvents 1.0, HTTP protocol binding)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from pydantic_core import from_json

from shared.adapters.http_problem import Problem

STRUCTURED: Final = frozenset({"application/cloudevents+json", "application/json"})
_PREFIX: Final = "ce-"


def is_binary(headers: Mapping[str, str]) -> bool:
    """Say whether the event's attributes travel in headers and the body is its data alone."""
    return f"{_PREFIX}specversion" in headers


def require_json(headers: Mapping[str, str]) -> None:
    """Raise the 415 that names what is taken, unless the content type is one of ours."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in STRUCTURED:
        raise Problem(
            415,
            "unsupported_media_type",
            "send the event as application/cloudevents+json, or its data as application/json with ce- headers",
        )


def document_of(headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
    """Return the event of a binary request as one document; None where the body is not JSON."""
    attributes = {
        name.removeprefix(_PREFIX): unquote(value) for name, value in headers.items() if name.startswith(_PREFIX)
    }
    try:
        return {**attributes, "data": from_json(body, allow_inf_nan=False)}
    except ValueError:
        return None
