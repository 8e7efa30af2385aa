"""The AsyncAPI document, as tools and newcomers read it."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from shared.contracts import topics
from shared.contracts.facts import TYPES
from tests.integration.registry.serving import Registry


async def test_every_example_fits_the_schema_of_its_message(registry: Registry) -> None:
    """Each topic has its examples and says what its key is; no reference points nowhere."""
    document = (await registry.http.get("/asyncapi.json")).json()
    prefix = registry.topic.removesuffix(topics.CHANGES.name)
    examples: dict[str, list[dict[str, Any]]] = {}
    for channel in document["channels"].values():
        (message,) = (document["components"]["messages"][key(one)] for one in channel["messages"].values())
        shape = document["components"]["schemas"][key(message["payload"])]
        validator = Draft202012Validator({**shape, "components": document["components"]})
        examples[channel["address"].removeprefix(prefix)] = shape["examples"]
        for example in shape["examples"]:
            validator.validate(example)
        assert "never an identity" in channel["description"]
    assert {fact["type"] for fact in examples.pop(topics.FACTS.name)} == TYPES.keys()
    assert examples.keys() == {topics.FACTS_REJECTED.name, topics.CHANGES.name}


async def test_it_can_be_read_as_a_page(registry: Registry) -> None:
    """The page shows the same examples."""
    page = (await registry.http.get("/asyncapi")).text
    assert "cakupan.relocated.v1" in page
    assert "unknown_segment" in page


def key(reference: dict[str, str]) -> str:
    """Return the last part of a reference."""
    return reference["$ref"].rpartition("/")[2]
