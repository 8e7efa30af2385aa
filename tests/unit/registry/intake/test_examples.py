"""The published examples are facts that the registry takes."""

from __future__ import annotations

import jsonschema

from deploy import contracts
from services.registry.domain.outcomes import Result
from services.registry.intake import fact_files
from services.registry.intake.commit import Intake
from shared.contracts.examples import ENROLLED_AS_CSV, FACTS
from shared.contracts.facts import TYPES
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryStore

CLOCK = ManualClock()


async def test_the_examples_are_accepted_in_order_and_make_one_person() -> None:
    """One of each type, told of one person and one card of theirs."""
    store = MemoryStore()
    candidates = [PARSER.parse_document(dict(fact), CLOCK.now()) for fact in FACTS.values()]
    outcomes = await Intake(store, SECRETS, CLOCK, INTAKE_METRICS).decide_together(candidates)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert len(store.state.participants) == 1
    assert [fact["type"] for fact in FACTS.values()] == [f"cakupan.{name}.v1" for name in FACTS]
    assert {fact["type"] for fact in FACTS.values()} == TYPES.keys()


def test_each_example_fits_the_published_schema_that_shows_it() -> None:
    """The files under docs/contracts hold them."""
    for fact in FACTS.values():
        schema = contracts.schemas()[f"{fact['type']}.schema.json"]
        jsonschema.validate(fact, schema)
        assert schema["examples"] == [fact]


def test_the_csv_example_is_the_enrolment() -> None:
    """To the registry they are one and the same fact."""
    (row,) = fact_files.read_csv(ENROLLED_AS_CSV.splitlines())
    assert isinstance(row.content, bytes)
    as_json = PARSER.parse_document(dict(FACTS["enrolled"]), CLOCK.now())
    assert PARSER.parse(row.content, CLOCK.now()) == as_json
