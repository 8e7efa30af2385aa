"""Erases a person over HTTP, by one of their identities."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from services.registry.domain.errors import RefusalCode
from services.registry.identity.erasure import Eraser, ErasureOutcome
from services.registry.identity.identity import identity_of
from services.registry.identity.refusals import as_refusal, read_json
from shared.adapters.http_api import Bearer, read_body
from shared.adapters.http_problem import Problem
from shared.adapters.openapi import problem
from shared.contracts import facts as contract
from shared.runtime.auth import Caller

SCOPE: Final = "identity:erase"
MAX_BYTES: Final = 4096
"""Far more than an identity and a word need."""


class ErasureRequest(BaseModel):
    """Whom to erase. With `force` also a person who is registered is erased."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    identity: contract.Identity
    force: bool = False


def create_erase_router(*, eraser: Eraser, bearer: Bearer) -> APIRouter:
    """Return the route for erasing."""
    router = APIRouter(prefix="/v1", tags=["participants"])

    @router.post("/participants/erase", responses=_RESPONSES, openapi_extra=_REQUEST)
    async def erase(request: Request, caller: Caller = bearer.requires(SCOPE)) -> JSONResponse:
        """Forget every identity of the person who has this one; counts stay, anonymous."""
        wanted = _wanted(request.headers.get("content-type", ""), await read_body(request, MAX_BYTES))
        identity = identity_of(wanted.identity.model_dump())
        erased = await eraser.erase(identity, by=caller.subject, force=wanted.force)
        if erased.outcome in _PROBLEMS:
            raise Problem(_PROBLEMS[erased.outcome][0], erased.outcome, _PROBLEMS[erased.outcome][1], field="identity")
        return JSONResponse({"outcome": erased.outcome, "identities": erased.identities})

    return router


def _wanted(content_type: str, body: bytes) -> ErasureRequest:
    """Return the request in the body. Raises: Problem 415, or 422 with the first refusal that fits, as for facts."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "unsupported_media_type", "send the request as application/json")
    document = read_json(body)
    if not isinstance(document, dict):
        raise Problem(422, RefusalCode.MALFORMED_JSON, "send one JSON object with an identity, in UTF-8", field=None)
    try:
        return ErasureRequest.model_validate(document)
    except ValidationError as error:
        wrong = min(map(as_refusal, error.errors(include_url=False)), key=lambda refusal: refusal.code.rank)
    raise Problem(422, wrong.code, wrong.detail, field=wrong.field)


_PROBLEMS: Final = {
    ErasureOutcome.UNKNOWN_IDENTITY: (
        404,
        "nobody is known by this identity: it was never sent in an accepted fact, or is erased already",
    ),
    ErasureOutcome.STILL_REGISTERED: (
        409,
        "this person is registered, and a later fact of theirs would be a new person: send the fact that ends the "
        "enrolment first, or erase with force: true",
    ),
}
_REQUEST: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": ErasureRequest.model_json_schema(ref_template="#/components/schemas/{model}"),
                "example": {"identity": {"scheme": "nik", "value": "6310000101900000"}},
            }
        },
    }
}
_ERASED: Final = {
    "type": "object",
    "required": ["outcome", "identities"],
    "properties": {"outcome": {"const": "erased"}, "identities": {"type": "integer", "minimum": 1}},
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Erased, durably: every identity of the person is forgotten",
          "content": {"application/json": {"schema": _ERASED}}},
    404: problem("Nobody is known by this identity"),
    409: problem("The person is registered; nothing was erased"),
}  # fmt: skip
