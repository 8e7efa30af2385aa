"""Describes the routes for facts in the OpenAPI document, since our own parser reads their bodies, not FastAPI."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import TypeAdapter

from services.registry.intake import facts_csv
from shared.adapters.openapi import problem
from shared.contracts import facts as contract
from shared.contracts.examples import ENROLLED_AS_CSV, FACTS

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
FACT_REQUEST: Final[Json] = {
    "requestBody": {
        "required": True,
        "description": "A CloudEvent of at most 64 KiB, structured; or binary: its attributes as `ce-` headers, its "
        "data as `application/json`. Without `ce-specversion` that too is read as a structured event.",
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
        "description": "Up to 10,000 facts in 8 MiB, unpacked.",
        "content": {
            "application/x-ndjson": {
                "schema": {"description": "One CloudEvent a line."},
                "example": "".join(json.dumps(fact) + "\n" for fact in FACTS.values()),
            },
            "text/csv": {
                "schema": {"description": f"With a header that names columns of {', '.join(facts_csv.COLUMNS)}."},
                "example": ENROLLED_AS_CSV,
            },
        },
    }
}
_LINE: Final[Json] = {
    "type": "object",
    "required": ["line", "outcome", "source", "id"],
    "properties": {
        "line": {"type": "integer", "minimum": 1},
        "outcome": {"enum": ["accepted", "duplicate", "conflict", "refused", "not_stored"]},
        **_NAMED,
        "code": {"type": "string"},
        "field": {"type": ["string", "null"]},
        "detail": {"type": "string"},
    },
}
_RESULTS: Final[Json] = {
    "type": "object",
    "required": ["errors", "results"],
    "properties": {"errors": {"type": "boolean"}, "results": {"type": "array", "items": _LINE}},
}
BULK_RESPONSES: Final[dict[int | str, Json]] = {
    200: {"description": "One result a line, in order", "content": {"application/json": {"schema": _RESULTS}}},
    413: problem("Over 10,000 lines or 8 MiB, unpacked"),
    415: problem("Neither NDJSON nor CSV, or a content coding other than gzip"),
    422: problem("A CSV that cannot be read as a whole, or a body that cannot be unpacked"),
    429: problem("Too many facts of this caller are being taken; nothing of this body was"),
}


def components() -> Json:
    """Return the schemas that the routes refer to."""
    definitions: Json = TypeAdapter(contract.Fact).json_schema(ref_template=_REF)["$defs"]
    return definitions
