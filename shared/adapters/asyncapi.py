"""The AsyncAPI document of a service, made by FastStream from typed subscriptions and publishers (ADR 0023)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from faststream.kafka import KafkaBroker
from faststream.kafka.publisher.usecase import DefaultPublisher
from faststream.specification import AsyncAPI
from faststream.specification.base import Specification
from pydantic import BaseModel, ConfigDict, RootModel

from shared.contracts.topics import Topic

_PAGE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: topics</title><h1>{title}: topics</h1>'
    '<p>AsyncAPI, for tools: <a href="asyncapi.json">asyncapi.json</a></p><pre>{document}</pre></html>'
)


def add_asyncapi(api: FastAPI, broker: KafkaBroker, title: str) -> None:
    """Serve the document, as a page and as JSON."""

    def specification() -> Specification:
        return AsyncAPI(broker, title=title, version="1").to_specification()

    @api.get("/asyncapi", tags=["operations"], summary="The topics, for reading", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        # FastStream's own page loads its scripts from other servers.
        document = json.dumps(json.loads(specification().to_json()), indent=2, ensure_ascii=False)
        return HTMLResponse(_PAGE.format(title=escape(title), document=escape(document)))

    @api.get("/asyncapi.json", tags=["operations"], summary="The topics, for tools")
    def document() -> Response:
        return Response(specification().to_json(), media_type="application/json")


def describe_read(
    broker: KafkaBroker, topic: Topic, shape: Any, description: str, examples: Sequence[Any] = ()
) -> None:
    """Describe a topic that the service reads, with the shape of its records.

    FastStream takes the shape from a handler, and starts a loop of its own for every subscription that has one. So
    this subscription is never started: `KafkaReader` starts another one, without a handler and not in the document.
    """

    async def read(record: Any) -> None:
        raise NotImplementedError(f"{topic.name} is read by KafkaReader, not by {record}'s handler")

    read.__annotations__["record"] = _model(topic, shape, examples)
    broker.subscriber(topic.name, title=f"{topic.name}:read", description=_described(topic, description))(read)


def declare_publisher(
    broker: KafkaBroker, topic: Topic, shape: Any, description: str, examples: Sequence[Any] = ()
) -> DefaultPublisher:
    """Describe a topic that the service writes, and return its publisher."""
    publisher: DefaultPublisher = broker.publisher(
        topic.name, schema=_model(topic, shape, examples), title=topic.name, description=_described(topic, description)
    )
    return publisher


def _described(topic: Topic, description: str) -> str:
    return f"{description} Key: {topic.key}; never an identity."


def _model(topic: Topic, shape: Any, examples: Sequence[Any]) -> type[BaseModel]:
    """Return a Pydantic model of the shape, with the examples, named after the topic.

    FastStream 0.7.8 would describe a dataclass by the first class that its fields mention, and shows no examples.
    """
    extra: dict[str, Any] = {"examples": [msgspec.to_builtins(example) for example in examples]} if examples else {}
    config = ConfigDict(title=topic.name, json_schema_extra=extra)
    return type("Record", (RootModel[shape],), {"model_config": config, "__module__": __name__})
