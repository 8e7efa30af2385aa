"""Records of every contract stay readable for ever."""

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
from shared.contracts.facts import MAX_FACT_BYTES, TYPES
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
    """The example of each version survives the round trip byte for byte."""
    frozen = (GOLDEN / f"{name}.json").read_bytes().strip()
    assert msgspec.json.encode(msgspec.json.decode(frozen, type=CONTRACTS[name])) == frozen


@pytest.mark.parametrize("file", sorted((GOLDEN / "earlier").iterdir()), ids=lambda file: file.stem)
def test_an_example_from_before_a_field_was_added_is_read(file: Path) -> None:
    """Its fields are decoded; fields added later are empty."""
    decoded = json.loads(msgspec.json.encode(msgspec.json.decode(file.read_bytes(), type=CONTRACTS[file.stem])))
    assert _filled(decoded) == _filled(json.loads(file.read_bytes()))


def _filled(part: Any) -> Any:
    """Return a document without empty values, at any depth."""
    if not isinstance(part, dict):
        return part
    return {name: filled for name, value in part.items() if (filled := _filled(value))}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_record_with_a_field_of_the_future_is_read(name: str) -> None:
    """Contracts gain optional fields; an older reader ignores them."""
    frozen = json.loads((GOLDEN / f"{name}.json").read_bytes()) | {"added_later": 1}
    assert msgspec.json.decode(json.dumps(frozen), type=CONTRACTS[name])


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_frozen_example_fits_the_published_schema(name: str) -> None:
    """Schema, example and code agree."""
    schema = contracts.schemas()[f"{name}.schema.json"]
    jsonschema.validate(json.loads((GOLDEN / f"{name}.json").read_bytes()), schema)


@pytest.mark.parametrize("example", [event(), event(time="2026-09-30", data={"groups": []})])
def test_accepted_facts_fit_the_published_schema(example: dict[str, Any]) -> None:
    """With a time or a date alone, with and without the optional fields."""
    TYPES["cakupan.enrolled.v1"].model_validate(example)
    jsonschema.validate(example, contracts.schemas()["cakupan.enrolled.v1.schema.json"])


@pytest.mark.parametrize("over", [{"data": {"payer": None}}, {"data": {"colour": 1}}, {"time": ...}])
def test_facts_with_a_wrong_shape_do_not_fit_it(over: dict[str, Any]) -> None:
    """Null, unknown and missing fields."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event(**over), contracts.schemas()["cakupan.enrolled.v1.schema.json"])


def test_retention_and_partitions_of_every_topic() -> None:
    """Changes are kept for ever, the last snapshot of each region too, facts a week, all others a month."""
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
