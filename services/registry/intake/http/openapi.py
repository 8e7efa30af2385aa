"""Describes the routes for facts in the OpenAPI document, since our own parser reads their bodies, not FastAPI."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import TypeAdapter

from services.registry.intake import fact_files
from shared.adapters.openapi import problem
from shared.contracts import facts as contract
from shared.contracts.examples import ENROLLED_AS_CSV, FACTS

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
FACT_REQUEST: Final[Json] = {
    "requestBody": {
        "required": True,
        "description": "A CloudEvent of at most 64 KiB, structured; or binary: its attributes as `ce-` headers, its "
        "data as `application/json`. The content type decides; `application/json` without `ce-specversion` "
        "is read as structured.",
        "content": {
            "application/cloudevents+json": {
                "schema": {"oneOf": [{"$ref": _REF.format(model=model.__name__)} for model in contract.TYPES.values()]},
                "examples": {name: {"value": fact} for name, fact in FACTS.items()},
            },
            "application/json": {
                "schema": {"type": "object"},
                "examples": {name: {"value": fact["data"]} for name, fact in FACTS.items()},
            },
        },
    }
}
_NAMED: Final[Json] = {"source": {"type": ["string", "null"]}, "id": {"type": ["string", "null"]}}
_OUTCOME: Final[Json] = {
    "type": "object",
    "required": ["outcome", "source", "id"],
    "properties": {"outcome": {"enum": ["accepted", "duplicate"]}, **_NAMED},
}
FACT_RESPONSES: Final[dict[int | str, Json]] = {
    200: {"description": "Known already: same id, same content", "content": {"application/json": {"schema": _OUTCOME}}},
    202: {"description": "Accepted: durable, counted once", "content": {"application/json": {"schema": _OUTCOME}}},
    403: problem("The token lacks the scope, or may not write facts of this source"),
    409: problem("Same id, other content"),
    413: problem("Over 64 KiB, unpacked"),
    429: problem("Too many facts of this caller are being taken"),
    503: problem("Not stored: the store is away or too many facts wait; send it again after Retry-After"),
}

BULK_REQUEST: Final[Json] = {
    "requestBody": {
        "required": True,
        "description": "Up to 10,000 facts in 20,000 lines and 8 MiB, unpacked. Blank lines are skipped.",
        "content": {
            "application/x-ndjson": {
                "schema": {"description": "One CloudEvent a line."},
                "example": "".join(json.dumps(fact) + "\n" for fact in FACTS.values()),
            },
            "text/csv": {
                "schema": {"description": f"With a header that names columns of {', '.join(fact_files.COLUMNS)}."},
                "example": ENROLLED_AS_CSV,
            },
        },
    }
}
_LINE: Final[Json] = {
    "type": "object",
    "required": ["line", "outcome", "source", "id"],
    "properties": {
        "line": {"type": "integer", "minimum": 1, "description": "The line of the body at which the fact begins."},
        "outcome": {"enum": ["accepted", "duplicate", "conflict", "refused", "not_stored"]},
        **_NAMED,
        "code": {"type": "string"},
        "field": {"type": ["string", "null"]},
        "detail": {"type": "string"},
    },
}
_TEXTS: Final[Json] = {name: {"type": "string"} for name in ("code", "field", "detail")}
_RESULTS: Final[Json] = {
    "type": "object",
    "required": ["errors", "warnings", "results"],
    "properties": {
        "errors": {"type": "boolean"},
        "warnings": {
            "type": "array",
            "description": "What looks wrong in the body as a whole; the facts were taken all the same.",
            "items": {"type": "object", "properties": _TEXTS},
        },
        "results": {"type": "array", "items": _LINE},
    },
}
BULK_RESPONSES: Final[dict[int | str, Json]] = {
    200: {"description": "One result a fact, in order", "content": {"application/json": {"schema": _RESULTS}}},
    413: problem("Over 10,000 facts, 20,000 lines or 8 MiB, unpacked"),
    415: problem("Neither NDJSON nor CSV, or a content coding other than gzip"),
    422: problem("A file of another format or without facts, or a body that cannot be unpacked"),
    429: problem("Too many facts of this caller are being taken; nothing of this body was"),
}


def components() -> Json:
    """Return the schemas that the routes refer to."""
    definitions: Json = TypeAdapter(contract.Fact).json_schema(ref_template=_REF)["$defs"]
    return definitions
