"""The fast lane and the careful one are one definition of a fact (ADR 0041)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.identity.refusals import read_json
from services.registry.intake.parsing import Candidate, Parser
from services.registry.intake.shape import CORRECTED, usual
from shared.contracts.examples import FACTS
from shared.contracts.fact_structs import converted, decoded
from shared.contracts.facts import MAX_FACT_BYTES
from shared.regions.catalogue import catalogue
from tests.bad_facts import BAD_FACTS, as_sent
from tests.drawn_facts import Event, events
from tests.factories_registry import at, event

NOW = at("2026-11-21T10:00:00+07:00")
PARSER = Parser(catalogue(), b"secret")
USUAL = [fact for fact in FACTS.values() if fact["type"] != CORRECTED]
TIMES = [
    "2026-09-30t01:00:00.9999999z",
    "2026-09-30 24:00:00Z",
    "2026-09-30T08:00:60+07:00",
    "2026-09-30T08:00:00+0700",
]
MONTHS = ["2026-12\n", "\u0662\u0660\u0662\u0666-12", "0000-12", "2026-1", "2028-09"]
PATHS = ["id", "source", "time", "subject", "data.region", "data.paid_through", "data.reason", "data.identity.value"]


def carefully(raw: bytes) -> Candidate | None:
    """Return what Pydantic alone makes of the bytes, None where they are no object."""
    document = read_json(raw)
    return PARSER._carefully(document, NOW) if isinstance(document, dict) else None


def agree(raw: bytes) -> None:
    """Both lanes give an equal candidate, and a fact with usual attributes goes the fast one."""
    slowly, document = carefully(raw), read_json(raw)
    if slowly is None:
        assert decoded(raw) is None
        return
    assert PARSER.parse(raw, NOW) == slowly
    assert PARSER.parse_document(document, NOW) == slowly
    usual_names = not document.keys() - {"specversion", "id", "source", "type", "time", "data", "subject"}
    usual_names = usual_names and isinstance(document.get("subject", ""), str)
    if slowly.digests and usual_names and None not in document.values() and document["type"] != CORRECTED:
        made = converted(document)
        assert made is not None
        assert usual(made, NOW) is not None


@given(events())
def test_both_lanes_give_the_same_candidate(sent: list[Event]) -> None:
    """Key, digests, identities, fact and refusal are equal, whatever is wrong with a fact."""
    for one in sent:
        if len(raw := json.dumps(one).encode()) <= MAX_FACT_BYTES:
            agree(raw)


@settings(max_examples=300)
@given(
    st.sampled_from(USUAL), st.sampled_from(PATHS), st.integers(0, 30), st.text(max_size=3),
    st.integers(0, 4),
)  # fmt: skip
def test_both_lanes_read_the_same_characters(fact: Event, path: str, place: int, put: str, instead_of: int) -> None:
    """A few characters of any text are others: blanks, controls, digits of other alphabets, odd letters."""
    changed: Any = json.loads(json.dumps(fact))
    *above, name = path.split(".")
    inside = changed
    for part in above:
        inside = inside[part]
    text = inside.get(name, "")
    inside[name] = text[:place] + put + text[place + instead_of :]
    agree(json.dumps(changed, ensure_ascii=bool(place % 2)).encode(errors="surrogatepass"))


@pytest.mark.parametrize("bad", BAD_FACTS.values(), ids=BAD_FACTS)
def test_the_fast_lane_takes_no_bad_fact(bad: Event | bytes) -> None:
    """Of every refusal code that one fact alone can meet, and of broken bytes."""
    agree(as_sent(bad)[:MAX_FACT_BYTES])


@pytest.mark.parametrize(
    "over",
    [
        *({"time": time} for time in TIMES),
        *({"data": {"paid_through": month}} for month in MONTHS),
        *({"id": f"a{end}"} for end in ("\n", "\x85", "\u2028", "\x1c", "\ufeff", "b" * 511, "b" * 512)),
        {"source": "bpjs/3273010101900001"}, {"source": "clock"}, {"data": {"groups": ["non_asn", "non_asn"]}},
        {"data": {"groups": []}}, {"data": {"programmes": []}}, {"data": {"region": "91.01"}}, {"dataschema": ""},
        {"data": {"identity": {"scheme": "passport", "value": "\u0131\u017fabc"}}},
        {"type": "cakupan.reclassified.v1", "data": {"region": ..., "segment": ..., "groups": []}},
        {"type": "cakupan.reclassified.v1", "data": {"region": ..., "segment": ...}},
    ],
)  # fmt: skip
def test_both_lanes_agree_at_the_edges(over: dict[str, Any]) -> None:
    """Leap seconds, rounding, last newlines, other digits, lengths, doubles, empty lists, retired codes."""
    agree(json.dumps(event(**over)).encode())


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        (b'"type": ', b'"type": "cakupan.ended.v1", "type": '), (b'"id": ', b'"id": 3, "id": '),
        (b'"scheme": ', b'"scheme": "kpj", "scheme": '), (b'"id"', b'"\\u0069d"'), (b'"id": "', b'"id": "\xff'),
        (b'"id": "', b'"id": "\\ud800'), (b'"id": "', b'"id": "\\ud83d\\ude00'), (b'"id": "', b'"id": "\x01'),
        (b'"data"', b'"x": NaN, "data"'), (b"}}", b"}} x"), (b"}}", b"}}\n"), (b"{", b"\xef\xbb\xbf{"),
    ],
)  # fmt: skip
def test_both_lanes_read_the_same_json(what: bytes, instead: bytes) -> None:
    """Names twice, escapes, lone surrogates, controls, bytes that are not UTF-8, and what follows the object."""
    agree(json.dumps(event()).encode().replace(what, instead, 1))
