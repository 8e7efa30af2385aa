"""Adds to a service's OpenAPI document the tokens, problems and limits that hold for all routes."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from shared.adapters.http_problem import PROBLEM_TYPE

Json = dict[str, Any]

_PROBLEM: Final[Json] = {
    "type": "object",
    "description": "RFC 9457: `code` is for programs, `detail` says what is wrong and what to do.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "field": {"type": ["string", "null"], "description": "the field at fault, where there is one"},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "each fault, where there are several"},
        "wrong": {"type": "integer", "description": "how many rows are wrong"},
    },
}
_RETRY_AFTER: Final[Json] = {
    "Retry-After": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}, "description": "in seconds"}
}
_HEADERS: Final[dict[str, Json]] = {
    "401": {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    "429": _RETRY_AFTER,
    "503": _RETRY_AFTER,
}
_TOKEN_ANSWERS: Final = {
    "401": "No acceptable token; `detail` says what is wrong with the one sent",
    "403": "The token lacks the scope",
}
_BODY_ANSWERS: Final = {
    "408": "The body came too slowly; send it again",
    "413": "The body, unpacked, is over the limit",
    "415": "Another content type or content coding; gzip is accepted",
    "422": "Refused; `code` and `field` say why",
}
_ANY_ANSWERS: Final = {
    "422": "A query parameter is malformed (`errors` names it), or not one that this path takes",
    "503": "Not possible now; send it again after Retry-After",
}
_NOT_CHANGED: Final = {"description": "The reader holds this answer: `If-None-Match` names its ETag"}
_STREAM: Final = "text/event-stream"
_GENERAL: Final = (
    "\n\nEvery refusal is a problem (RFC 9457, `application/problem+json`). An unknown path is a 404, "
    "another method a 405 that names the right ones in `Allow`. A query parameter that a path does not take is a 422 "
    "that names the nearest one. HEAD works wherever GET does. A day is written YYYY-MM-DD. Answers to a request with "
    "a token are `private, no-store`. Bodies may be sent with `Content-Encoding: gzip`."
)


def extend_openapi(api: FastAPI, schemas: Json | None = None, *, has_etags: bool = False) -> None:
    """Complete the OpenAPI document: add the answers of all routes, and schemas of bodies that our own parser reads.

    `has_etags` says that the service answers GET with an ETag, but for streams.
    """
    generate = api.openapi

    def openapi() -> Json:
        if api.openapi_schema is None:
            document = generate()
            document["info"]["description"] += _GENERAL
            for path, operations in document["paths"].items():
                if path.startswith("/v1/"):
                    for method, operation in operations.items():
                        _complete(operation)
                        if has_etags and method == "get" and _STREAM not in operation["responses"]["200"]["content"]:
                            operation["responses"]["304"] = _NOT_CHANGED
            components = document.setdefault("components", {}).setdefault("schemas", {})
            components.update(schemas or {}, Problem=_PROBLEM)
            # FastAPI's own shape of a 422, which no route of ours sends.
            for name in ("HTTPValidationError", "ValidationError"):
                components.pop(name, None)
        assert api.openapi_schema is not None
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]


def problem(description: str) -> Json:
    """Return the description of an answer that is a problem."""
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _complete(operation: Json) -> None:
    """Add the answers that follow from the route's token and body, unless it describes them itself."""
    answers: Json = operation["responses"]
    if answers.get("422", {}).get("description") == "Validation Error":
        del answers["422"]
    for applies, statuses in (
        ("security" in operation, _TOKEN_ANSWERS),
        ("requestBody" in operation, _BODY_ANSWERS),
        (True, _ANY_ANSWERS),
    ):
        if applies:
            for status, description in statuses.items():
                answers.setdefault(status, problem(description))
    for status in answers.keys() & _HEADERS.keys():
        answers[status].setdefault("headers", _HEADERS[status])
    operation["responses"] = dict(sorted(answers.items()))
    _describe_token(operation)


def _describe_token(operation: Json) -> None:
    """Say in words which scope the token needs. A route without a scope also answers without a token."""
    if "security" not in operation:
        return
    ((scheme, scopes),) = operation["security"][0].items()
    if not scopes:
        operation["security"] = [{scheme: []}, {}]
    needs = f"Needs a token with the scope `{'`, `'.join(scopes)}`." if scopes else "A token may be left out."
    operation["description"] = f"{operation.get('description', '')}\n\n{needs}".strip()
