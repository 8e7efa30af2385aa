"""Facts, good and bad, as Hypothesis draws them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from shared.contracts.examples import FACTS
from tests.factories_registry import NIK

Event = dict[str, Any]

TEXTS = [
    "",
    " ",
    "x ",
    "a\tb",
    "é\u200b",
    'say "hi"',
    "100%",
    "%41",
    "x" * 513,
    "clock",
    "bpjs/3273010101900001",
    "1E+15",
]
DAYS = ["2026-09-30", "1970-01-01", "yesterday", "9999-12-31", "2026-02-30", "2023-11-01 00:00:00"]
WORDS = ["PU", "JP", "poor", "self", "2026-12", "2099-12", "Jan-24", "99.01", "91.07.01.2003", "63.1", "11.01", NIK]
ODD: list[Any] = [None, 3, 1.5, True, [], {}, ["PU"], ["poor", "vulnerable"], ["JP"], "x" * 70_000]
WHO: list[Any] = [
    {"scheme": "nik", "value": NIK}, {"scheme": "nik"}, {"scheme": "sim", "value": NIK},
    {"scheme": "kpj", "value": "9012"}, {"scheme": "kpj", "value": "29999999999"},
    {"scheme": "nik", "value": "1,1E+15"},
    {"scheme": "passport", "value": "a-1"}, {"scheme": "passport", "value": "a1234567"},
]  # fmt: skip
NAMES = ["region", "segment", "groups", "payer", "programmes", "paid_through", "reason", "colour", "corrects"]
# The command sends a fact of an unknown card again, as its link may have been in the same file: here no card is linked.
KINDS = [*(dict(fact) for fact in FACTS.values() if "linked" not in fact["type"])]
KINDS.append(dict(FACTS["linked"]) | {"data": {"identity": WHO[0], "other": WHO[-1]}})
TYPES = ["cakupan.vanished.v1", "enrolled", *(fact["type"] for fact in FACTS.values())]
changes = st.one_of(
    st.tuples(st.sampled_from(["id", "source"]), st.sampled_from(TEXTS)),
    st.tuples(st.just("time"), st.sampled_from(DAYS)),
    st.tuples(st.just("type"), st.sampled_from(TYPES)),
    st.tuples(st.just("specversion"), st.sampled_from(["0.3", "1.0"])),
    st.tuples(st.sampled_from(["subject", "b-b", "Capital"]), st.sampled_from(["x", None, 1.5, 3])),
    st.tuples(st.sampled_from(["id", "source", "time", "type", "data"]), st.sampled_from([..., None, 3])),
    st.tuples(st.sampled_from(["data.identity", "data.other"]), st.sampled_from([..., *WHO])),
    st.tuples(st.sampled_from([f"data.{name}" for name in NAMES]), st.sampled_from([..., *WORDS, *ODD])),
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Draw facts, each with an id of its own and up to three changes that mostly spoil it."""
    drawn = []
    for number in range(draw(st.integers(1, 8))):
        fact: Event = deepcopy(draw(st.sampled_from(KINDS))) | {"id": f"e-{number}"}
        for path, value in draw(st.lists(changes, max_size=3)):
            name, _, inner = path.partition(".")
            inside = fact.get("data") if inner else fact
            if not isinstance(inside, dict):
                continue
            inside.pop(inner or name, None)
            if value is not ...:
                inside[inner or name] = f"{value}{number}" if value == "x" else value
        drawn.append(fact)
    return drawn
