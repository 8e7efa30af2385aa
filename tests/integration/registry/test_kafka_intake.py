"""Facts through real Kafka: the same path as HTTP, and nothing lost, counted twice or told of anyone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from services.registry.app import build
from services.registry.domain.errors import RefusalCode
from services.registry.settings import RegistrySettings
from tests.bad_facts import BAD_FACTS, FIELD_AT_FAULT, UNKNOWN_CARD, as_sent
from tests.factories_registry import NIK, event, raw
from tests.integration.registry.facts_topic import FactsTopic, facts_topic
from tests.integration.registry.serving import Registry, make_topics
from tests.records import STRUCTURED, binary
from tests.serving import OPERATORS, served
from tests.waiting import eventually


@pytest.fixture
async def topic(settings: RegistrySettings) -> AsyncIterator[FactsTopic]:
    """The topics of this test's registry."""
    await make_topics(settings)
    async with facts_topic(settings) as topic:
        yield topic


def person(number: int) -> bytes:
    """Return the enrolment of one of many people."""
    return raw(id=f"f-{number}", data={"identity": {"scheme": "nik", "value": f"{NIK[:12]}{number:04d}"}})


def answered(http: httpx.AsyncClient, **expected: float) -> Callable[[], Awaitable[bool]]:
    """Return a probe: whether this process has answered so many facts with each outcome, by whatever entrance."""

    async def probe() -> bool:
        lines = (await http.get(f"http://{OPERATORS}/metrics")).text.splitlines()
        for outcome, count in expected.items():
            start = f'registry_facts_total{{outcome="{outcome}"'
            assert sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)) == count
        return True

    return probe


async def test_a_fact_counts_once_through_both_entrances_and_both_modes(registry: Registry, topic: FactsTopic) -> None:
    """Structured, binary, without headers, and by HTTP after that: one change, all else duplicates."""
    await topic.put((raw(), STRUCTURED), binary(event()), raw())
    await eventually(answered(registry.http, accepted=1, duplicate=2))
    assert (await registry.post(raw())).json()["outcome"] == "duplicate"
    (change,) = await registry.published(1)
    assert (change.seq, change.source) == (0, "bpjs/aceh")


async def test_every_refusal_is_told_with_its_code_and_place_and_no_identity(
    registry: Registry, topic: FactsTopic
) -> None:
    """In both modes, beside a conflict, a tombstone and another topic's record; what is good among them counts."""
    modes = [[(as_sent(bad), STRUCTURED) for bad in BAD_FACTS.values()]]
    modes.append([binary(bad) for bad in BAD_FACTS.values() if isinstance(bad, dict)])
    bad = [one for mode in modes for one in mode]
    foreign = [raw(data={"segment": "PMI"}), None, b'{"seq":0,"diff":1}']
    await topic.put(raw(), *bad, *foreign)
    # Refusals of one batch are sent at once; only their records' offsets say in which order the facts came.
    told = sorted(await topic.told(len(bad) + 3), key=lambda one: one.offset)
    expected = [(code, FIELD_AT_FAULT[code]) for code in BAD_FACTS]
    expected += [(code, FIELD_AT_FAULT[code]) for code, fact in BAD_FACTS.items() if isinstance(fact, dict)]
    expected += [("conflict", "id"), ("malformed_json", None), ("missing_field", "specversion")]
    assert [(one.code, one.field) for one in told] == expected
    assert [one.offset for one in told] == list(range(1, len(bad) + 4))
    assert {code for code, _ in expected} == {*RefusalCode, "conflict"}
    assert [one.id for one in told if one.code == "unknown_region"] == ["bad-unknown_region"] * 2
    await eventually(answered(registry.http, accepted=1, duplicate=0, conflict=1, refused=len(bad) + 2))


async def test_the_rejected_topic_holds_nothing_personal(registry: Registry, topic: FactsTopic) -> None:
    """Not in value, key or headers, though the sender wrote identities into every place there is."""
    planted = raw(id=NIK, source=NIK, type=NIK, subject=NIK, data={"region": NIK, NIK: NIK})
    misplaced = [(name, NIK.encode()) for name in ("ce_specversion", "ce_id", "ce_source", f"ce_{NIK}", "content-type")]
    records = [(as_sent(bad), STRUCTURED) for bad in BAD_FACTS.values()]
    await topic.put(*records, planted, (planted, misplaced), NIK.encode())
    for record in await topic.rejected(len(records) + 3):
        text = repr((record.key, record.value, record.headers))
        assert NIK[:11] not in text
        assert UNKNOWN_CARD not in text


async def test_a_restarted_registry_goes_on_where_it_stood(settings: RegistrySettings, topic: FactsTopic) -> None:
    """What came while it was away is taken; what it had taken is not even read again."""
    await topic.put(*(person(number) for number in range(3)))
    async with served(build(settings)) as http:
        await eventually(answered(http, accepted=3))
    await topic.put(person(3))
    async with served(build(settings)) as http:
        await eventually(answered(http, accepted=1))
        await answered(http, duplicate=0)()


async def test_records_that_come_again_count_once(
    settings: RegistrySettings, topic: FactsTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill: nothing was committed to Kafka, all is read again, all is known; refusals keep their key."""

    async def nothing(_reader: object) -> None:
        return None

    monkeypatch.setattr("shared.adapters.kafka_reader.KafkaReader._commit_hint", nothing)
    sent = [*(person(number) for number in range(3)), raw(id="f-9", data={"region": "99.01"})]
    await topic.put(*sent)
    for outcomes in ({"accepted": 3, "refused": 1}, {"accepted": 0, "duplicate": 3, "refused": 1}):
        async with served(build(settings)) as http:
            await eventually(answered(http, **outcomes))
    first, second = await topic.rejected(2)
    assert first.key == second.key
    assert first.value == second.value
