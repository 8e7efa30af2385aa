"""Every refusal code has its bad fact, which meets that code, names its field and leaves nothing."""

from __future__ import annotations

import pytest

from services.registry.domain.errors import RefusalCode
from services.registry.domain.outcomes import Result
from services.registry.intake.commit import Intake
from tests.bad_facts import BAD_FACTS, FIELD_AT_FAULT, as_sent
from tests.factories_registry import NIK
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryStore

CLOCK = ManualClock()


@pytest.mark.parametrize("code", RefusalCode)
async def test_each_code_has_a_bad_fact_that_meets_it(code: RefusalCode) -> None:
    """Alone, with its field; the answer holds no identity, and the store nothing of the fact."""
    store = MemoryStore()
    candidate = PARSER.parse(as_sent(BAD_FACTS[code]), CLOCK.now())
    (outcome,) = await Intake(store, SECRETS, CLOCK, INTAKE_METRICS).decide_together([candidate])
    assert outcome.result is Result.REFUSED
    assert outcome.refusal is not None
    assert (outcome.refusal.code, outcome.refusal.field) == (code, FIELD_AT_FAULT[code])
    assert NIK[:11] not in f"{outcome.refusal.detail}{outcome.refusal.field}"
    assert store.state == MemoryStore().state
