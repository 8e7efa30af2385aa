"""What travels between services stays readable for ever."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from deploy import contracts
from shared.contracts.changes import Change
from shared.contracts.facts import MAX_FACT_BYTES, TYPES, EnrolledFact
from shared.contracts.rejections import Rejection
from shared.contracts.snapshots import Snapshot
from shared.contracts.topics import ALL, FACTS, FACTS_REJECTED, PARTITIONS
from tests.factories_registry import event

GOLDEN = Path(__file__).parents[2] / "golden"
CONTRACTS: dict[str, type[Any]] = {
    "enrollment.changed.v1": Change,
    "coverage.updated.v1": Snapshot,
    "enrollment.facts.rejected.v1": Rejection,
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_frozen_example_still_decodes_and_encodes_to_itself(name: str) -> None:
    """The wire example of each version survives the round trip to the letter."""
    frozen = (GOLDEN / f"{name}.json").read_bytes().strip()
    assert msgspec.json.encode(msgspec.json.decode(frozen, type=CONTRACTS[name])) == frozen


@pytest.mark.parametrize("file", sorted((GOLDEN / "earlier").iterdir()), ids=lambda file: file.stem)
def test_an_example_from_before_a_field_was_added_is_read(file: Path) -> None:
    """What it says comes out as it was said; what it could not say yet is empty."""
    decoded = json.loads(msgspec.json.encode(msgspec.json.decode(file.read_bytes(), type=CONTRACTS[file.stem])))
    assert _said(decoded) == _said(json.loads(file.read_bytes()))


def _said(part: Any) -> Any:
    """Return a document without what is empty, at any depth."""
    if not isinstance(part, dict):
        return part
    return {name: said for name, value in part.items() if (said := _said(value))}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_record_with_a_field_of_the_future_is_read(name: str) -> None:
    """Contracts gain optional fields; an older reader passes over them."""
    frozen = json.loads((GOLDEN / f"{name}.json").read_bytes()) | {"added_later": 1}
    assert msgspec.json.decode(json.dumps(frozen), type=CONTRACTS[name])


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_frozen_example_fits_the_published_schema(name: str) -> None:
    """Schema, example and code agree."""
    schema = contracts.schemas()[f"{name}.schema.json"]
    jsonschema.validate(json.loads((GOLDEN / f"{name}.json").read_bytes()), schema)


@pytest.mark.parametrize("example", [event(), event(time="2026-09-30", data={"groups": []})])
def test_facts_that_are_taken_fit_the_published_schema(example: dict[str, Any]) -> None:
    """With a time or a date alone, with and without the optional fields."""
    EnrolledFact.model_validate(example)
    jsonschema.validate(example, contracts.schemas()["cakupan.enrolled.v1.schema.json"])


@pytest.mark.parametrize("over", [{"data": {"payer": None}}, {"data": {"colour": 1}}, {"time": ...}])
def test_facts_that_are_refused_for_their_shape_do_not_fit_it(over: dict[str, Any]) -> None:
    """Null, unknown and missing fields."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event(**over), contracts.schemas()["cakupan.enrolled.v1.schema.json"])


def test_the_committed_schemas_are_those_of_the_code() -> None:
    """Otherwise a contract could change unseen."""
    assert contracts.differing() == []


def test_every_topic_says_how_long_it_keeps_records() -> None:
    """Changes for ever, snapshots the last of each, the rest for a while; enough partitions for its readers.

    Facts hold identities: a week, in which a registry that is away comes back, and no longer.
    """
    keeps = {topic.name: (topic.compacted, topic.retention is None, topic.partitions) for topic in ALL}
    assert keeps == {
        "enrollment.facts.v1": (False, False, PARTITIONS),
        "enrollment.facts.rejected.v1": (False, False, 1),
        "enrollment.changed.v1": (False, True, PARTITIONS),
        "coverage.updated.v1": (True, True, PARTITIONS),
        "enrollment.changed.v1.dead": (False, False, 1),
        "coverage.updated.v1.dead": (False, False, 1),
    }
    assert (FACTS.retention, FACTS_REJECTED.retention) == (timedelta(days=7), timedelta(days=30))
    assert (PARTITIONS, MAX_FACT_BYTES, len(TYPES)) == (12, 65_536, 7)
