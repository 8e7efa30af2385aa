"""What the OpenAPI document says of reference data, made from each kind's own columns and examples."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from services.coverage.reference.layouts import Layout, Schema

_VERSIONED: Final[dict[str, Schema]] = {
    "recorded_at": {"type": "string", "format": "date-time"},
    "version": {"type": "integer", "minimum": 1, "description": "of its region and series, from 1"},
}


def request_of(layout: Layout[Any]) -> Schema:
    """Return the body of a PUT: CSV, or a list of the same rows in JSON."""
    row = {
        "type": "object",
        "required": list(layout.required),
        "properties": {column.name: column.schema for column in layout.columns},
        "additionalProperties": False,
    }
    content = {
        "text/csv": {"schema": {"type": "string"}, "example": as_csv(layout)},
        "application/json": {"schema": {"type": "array", "items": row}, "example": list(layout.examples)},
    }
    return {"requestBody": {"required": True, "content": content}}


def page_of(layout: Layout[Any]) -> Schema:
    """Return the answer to a GET."""
    columns = {column.name: column.schema for column in layout.columns}
    shown = layout.shown(layout.figure(_cells(layout, layout.examples[0])))
    fields = {name: layout.shown_schema.get(name) or columns[name] for name in shown} | _VERSIONED
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"type": "object", "required": list(fields), "properties": fields}},
            "next": {"type": ["string", "null"]},
        },
    }
    return {"description": "Rows, and where the next page begins", "content": {"application/json": {"schema": page}}}


def as_csv(layout: Layout[Any]) -> str:
    """Return the kind's examples as a file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, layout.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_cells(layout, example) for example in layout.examples)
    return text.getvalue()


def _cells(layout: Layout[Any], example: dict[str, Any]) -> dict[str, str]:
    return {name: _as_text(example.get(name, "")) for name in layout.names}


def _as_text(value: Any) -> str:
    return "|".join(value) if isinstance(value, list) else str(value)
