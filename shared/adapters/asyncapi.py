"""The AsyncAPI document of a service: FastStream's, completed with what it cannot know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from faststream.specification.asyncapi import get_asyncapi_html

Json = dict[str, Any]
Complete = Callable[[Json], None]
"""Adds to a document."""


def add_asyncapi(api: FastAPI, broker: KafkaBroker, title: str) -> None:
    """Serve the document, for reading and for tools."""

    @api.get("/asyncapi", tags=["operations"], summary="The topics, for reading", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        return HTMLResponse(get_asyncapi_html(_Completed(api, broker, title)))  # type: ignore[arg-type]

    @api.get("/asyncapi.json", tags=["operations"], summary="The topics, for tools")
    async def document() -> Response:
        return Response(_Completed(api, broker, title).to_json(), media_type="application/json")


def extend_asyncapi(api: FastAPI, complete: Complete) -> None:
    """Complete the document by this whenever it is served."""
    api.state.complete_asyncapi = complete


@dataclass(frozen=True, slots=True)
class _Completed:
    """What FastStream's page asks of a specification."""

    api: FastAPI
    broker: KafkaBroker
    title: str

    def to_json(self) -> str:
        """Return the document."""
        specification = AsyncAPI(self.broker, title=self.title, version="1").to_specification()
        document: Json = msgspec.json.decode(specification.to_json())
        complete: Complete | None = getattr(self.api.state, "complete_asyncapi", None)
        if complete:
            complete(document)
        return msgspec.json.encode(document).decode()
