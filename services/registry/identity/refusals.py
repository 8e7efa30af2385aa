"""Turns Pydantic's errors into refusals. Facts and requests to erase use the same codes and words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from pydantic_core import ErrorDetails

from services.registry.domain.errors import Refusal, RefusalCode
from shared.contracts import facts as contract
from shared.runtime.masking import masked

_LONGEST_SHOWN: Final = 64
_IDENTITY_FIELDS: Final = frozenset({"identity", "other"})
_UNKNOWN_WORD: Final = {
    "scheme": RefusalCode.UNKNOWN_SCHEME,
    "segment": RefusalCode.UNKNOWN_SEGMENT,
    "groups": RefusalCode.UNKNOWN_GROUP,
    "payer": RefusalCode.UNKNOWN_PAYER,
    "programmes": RefusalCode.UNKNOWN_PROGRAMME,
}


def as_refusal(wrong: ErrorDetails) -> Refusal:
    """Return the refusal for one of Pydantic's errors. It quotes a value only where that cannot be personal."""
    path = [part for part in wrong["loc"] if part not in contract.TYPES]
    field = ".".join(map(shown, path))
    if wrong["type"] == "missing":
        return Refusal(RefusalCode.MISSING_FIELD, field, "is required; send it")
    if wrong["type"] == "extra_forbidden":
        return Refusal(RefusalCode.UNKNOWN_FIELD, field, "is not a field of this fact; leave it out")
    if wrong["type"] == "literal_error" and isinstance(wrong["input"], str):
        name = next((part for part in reversed(path) if isinstance(part, str)), "")
        expected = wrong.get("ctx", {}).get("expected", "")
        code = _UNKNOWN_WORD.get(name, RefusalCode.MALFORMED_FIELD)
        seen = "this" if _IDENTITY_FIELDS.intersection(path) else shown(wrong["input"])
        return Refusal(code, field, f"{seen} is not known; send one of {expected}")
    code = RefusalCode(wrong["type"]) if wrong["type"] in set(RefusalCode) else RefusalCode.MALFORMED_FIELD
    return Refusal(code, field, wrong["msg"] + _seen(path, wrong["input"]))


def _seen(path: Sequence[object], value: object) -> str:
    """Return the value for the answer; nothing of an identity, and no structure that might hold one."""
    if _IDENTITY_FIELDS.intersection(path) or "replacement" in path or isinstance(value, (dict, list)):
        return ""
    return f"; saw {json.dumps(shown(value)) if isinstance(value, str) else shown(json.dumps(value))}"


def shown(value: object, longest: int = _LONGEST_SHOWN) -> str:
    """Return a value as it may stand in an answer: short, and with every long number masked."""
    text = masked(str(value))
    return text if len(text) <= longest else text[:longest] + "…"
