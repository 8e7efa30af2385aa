"""The AsyncAPI document, as tools and newcomers read it."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from shared.contracts import topics
from shared.contracts.facts import TYPES
from tests.integration.registry.serving import Registry


async def test_every_example_fits_the_schema_of_its_message(registry: Registry) -> None:
    """Each fact, a rejection and a change; no reference dangles, and no key is an identity."""
    document = (await registry.http.get("/asyncapi.json")).json()
    prefix = registry.topic.removesuffix(topics.CHANGES.name)
    messages: dict[str, list[dict[str, Any]]] = {}
    for name, channel in document["channels"].items():
        referred = [document["components"]["messages"][key(one)] for one in channel["messages"].values()]
        messages[channel["address"].removeprefix(prefix)] = referred
        (operation,) = (one for one in document["operations"].values() if key(one["channel"]) == name)
        assert [key(one) for one in operation["messages"]] == list(channel["messages"])
    for message in (one for several in messages.values() for one in several):
        validator = Draft202012Validator({**message["payload"], "components": document["components"]})
        assert message["examples"]
        for example in message["examples"]:
            validator.validate(example["payload"])
        assert "never an identity" in message["bindings"]["kafka"]["key"]["description"]
    assert {message["name"] for message in messages.pop(topics.FACTS.name)} == TYPES.keys()
    assert messages.keys() == {topics.FACTS_REJECTED.name, topics.CHANGES.name}


async def test_it_can_be_read_as_a_page(registry: Registry) -> None:
    """With the same examples."""
    page = (await registry.http.get("/asyncapi")).text
    assert "cakupan.relocated.v1" in page
    assert "unknown_segment" in page


def key(reference: dict[str, str]) -> str:
    """Return the last part of a reference."""
    return reference["$ref"].rpartition("/")[2]
