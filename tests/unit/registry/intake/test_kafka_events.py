"""Every record makes a candidate: CloudEvents of both modes the fact they carry, all else one that is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.intake.kafka.events import candidate_of, traceparent_of
from services.registry.intake.parsing import Candidate, Parser
from shared.contracts.examples import FACTS
from shared.contracts.facts import MAX_FACT_BYTES
from shared.regions.catalogue import catalogue
from tests.bad_facts import BAD_FACTS, as_sent
from tests.factories_registry import at, event, raw
from tests.records import STRUCTURED, Header, binary, record

NOW = at("2026-11-21T10:00:00+07:00")
PARSER = Parser(catalogue(), b"secret")
DATA, HEADERS = binary(event())


def candidate(value: bytes | None, headers: list[Header] | None = None) -> Candidate:
    """Return what a record makes."""
    return candidate_of(record(value, headers or []), PARSER, NOW)


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_is_the_same_in_both_modes_and_without_headers(name: str) -> None:
    """All three make what the HTTP entrance makes of the same event."""
    sent = dict(FACTS[name])
    expected = PARSER.parse_document(sent, NOW)
    assert expected.refusal is None
    structured = json.dumps(sent).encode()
    assert candidate(structured, STRUCTURED) == candidate(structured) == candidate(*binary(sent)) == expected


@pytest.mark.parametrize("code", sorted(BAD_FACTS.keys() - {"unknown_card", "too_large", "malformed_json"}))
def test_every_fault_has_the_same_refusal_in_both_modes(code: str) -> None:
    """Code, field and words."""
    bad = BAD_FACTS[code]
    assert isinstance(bad, dict)
    refusal = candidate(as_sent(bad), STRUCTURED).refusal
    assert refusal is not None
    assert (refusal.code.value, refusal) == (code, candidate(*binary(bad)).refusal)


@pytest.mark.parametrize(
    ("value", "headers", "code", "key"),
    [
        (None, [], "malformed_json", None),
        (b"", STRUCTURED, "malformed_json", None),
        (b"\xff\x00", [], "malformed_json", None),
        (b"Obj\x01avro", [("content-type", b"application/cloudevents+avro")], "malformed_json", None),
        (b"[" + raw() + b"]", [("content-type", b"application/cloudevents-batch+json")], "malformed_json", None),
        (b'{"seq":1,"diff":1}', [("traceparent", b"00-x")], "missing_field", None),
        (b" " * (MAX_FACT_BYTES + 1), STRUCTURED, "too_large", None),
        (b" " * (MAX_FACT_BYTES + 1), HEADERS, "too_large", ("bpjs/aceh", "f-1")),
        (b"{", HEADERS, "malformed_json", ("bpjs/aceh", "f-1")),
        (None, HEADERS, "missing_field", ("bpjs/aceh", "f-1")),
        (b"[]", HEADERS, "malformed_field", ("bpjs/aceh", "f-1")),
        (DATA, [*HEADERS, ("ce_id", b"\xff")], "malformed_field", None),
        (DATA, [*HEADERS, ("ce_source", None)], "missing_field", None),
        (DATA, [*HEADERS, ("ce_x-y", b"1")], "unknown_field", ("bpjs/aceh", "f-1")),
    ],
)  # fmt: skip
def test_what_is_no_fact_is_refused_under_the_key_that_could_be_read(
    value: bytes | None, headers: list[Header], code: str, key: tuple[str, str] | None
) -> None:
    """Tombstones, garbage, other formats, other topics' records, oversize, broken data and attributes."""
    made = candidate(value, headers)
    assert made.refusal is not None
    assert (made.refusal.code.value, made.key) == (code, key)


def test_the_source_is_told_though_the_id_cannot_be_read() -> None:
    """So that its sender finds the refusal."""
    made = candidate(DATA, [*HEADERS, ("ce_id", b"\xff")])
    assert (made.named, made.refusal and made.refusal.field) == (("bpjs/aceh", None), "id")


def test_a_structured_content_type_wins_over_attributes_in_headers() -> None:
    """As the binding says: the content type alone tells the mode."""
    headers = [*STRUCTURED, ("ce_specversion", b"1.0"), ("ce_id", b"other")]
    assert candidate(raw(), headers).key == ("bpjs/aceh", "f-1")


def test_names_of_headers_may_be_written_in_capitals() -> None:
    """As HTTP proxies turned producers do."""
    assert candidate(DATA, [(name.upper(), text) for name, text in HEADERS]) == candidate(DATA, HEADERS)


@pytest.mark.parametrize(("value", "expected"), [(b"00-ab", "00-ab"), (b"\xff", None), (None, None)])
def test_the_senders_trace_is_read_where_it_is_text(value: bytes | None, expected: str | None) -> None:
    """A broken one is no reason to refuse a fact."""
    assert traceparent_of(record(raw(), [("traceparent", value)])) == expected


names = st.sampled_from(["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_data"])
words = st.sampled_from([b"1.0", b"f-1", b"bpjs/aceh", b"cakupan.enrolled.v1", b"2026-09-30", b"application/json"])
headers = st.lists(st.tuples(names | st.text(max_size=8), words | st.binary(max_size=8) | st.none()), max_size=9)
json_values = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))
values = st.none() | st.binary(max_size=64) | json_values.map(lambda value: json.dumps(value).encode())


@given(values, headers)
def test_no_record_raises(value: bytes | None, headers: list[Header]) -> None:
    """Whatever stands on the topic is taken or refused."""
    made = candidate(value, headers)
    assert (made.fact is None) != (made.refusal is None)
