"""Turns Pydantic's errors into refusals. Facts and requests to erase use the same codes and words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import ErrorDetails, from_json

from services.registry.domain.errors import Refusal, RefusalCode
from shared.contracts import facts as contract

_UNKNOWN_WORD: Final = {
    "scheme": RefusalCode.UNKNOWN_SCHEME,
    "segment": RefusalCode.UNKNOWN_SEGMENT,
    "groups": RefusalCode.UNKNOWN_GROUP,
    "payer": RefusalCode.UNKNOWN_PAYER,
    "programmes": RefusalCode.UNKNOWN_PROGRAMME,
}
_OWN_NAMES: Final = frozenset({"force", "data_base64", "traceparent", "tracestate", "subject"}).union(
    *(schema.get("properties", ()) for schema in TypeAdapter(contract.Fact).json_schema()["$defs"].values())
)
"""The names that a refusal may show: those of facts, of requests to erase and of common attributes of CloudEvents."""


def read_json(raw: bytes) -> Any:
    """Return the value in these bytes, or the refusal. A byte order mark is skipped."""
    try:
        return from_json(raw.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    except ValueError:
        return Refusal(RefusalCode.MALFORMED_JSON, None, "send one JSON object, in UTF-8")


def as_refusal(wrong: ErrorDetails) -> Refusal:
    """Return the refusal for one of Pydantic's errors. No value of the sender is in it: any may be personal."""
    field, kind = named(wrong["loc"]), wrong["type"]
    if kind == "missing":
        return Refusal(RefusalCode.MISSING_FIELD, field, "is required; send it")
    if kind == "extra_forbidden":
        own = wrong["loc"][-1] in _OWN_NAMES
        detail = "is not a field of this fact" if own else "has a field that no fact has"
        return Refusal(RefusalCode.UNKNOWN_FIELD, field, f"{detail}; leave it out")
    if kind == "literal_error" and isinstance(wrong["input"], str):
        name = next((part for part in reversed(wrong["loc"]) if isinstance(part, str)), "")
        expected = wrong.get("ctx", {}).get("expected", "")
        code = _UNKNOWN_WORD.get(name, RefusalCode.MALFORMED_FIELD)
        return Refusal(code, field, f"is not known; send one of {expected}")
    code = RefusalCode(kind) if kind in set(RefusalCode) else RefusalCode.MALFORMED_FIELD
    if isinstance(wrong["input"], bytes):
        return Refusal(code, field, f"the header ce-{field} (ce_{field}) is not UTF-8; over HTTP percent-encode it")
    if kind == "string_pattern_mismatch":
        return Refusal(code, field, "has a control character, or a blank at an end; send it without")
    return Refusal(code, field, wrong["msg"])


def named(path: Iterable[object]) -> str | None:
    """Return a field's path as a refusal names it: up to the first name that is none of ours, which may be a person's.

    None where that is the first.
    """
    return ".".join(map(str, takewhile(lambda part: isinstance(part, int) or part in _OWN_NAMES, path))) or None
