"""One person once: links, corrections, and that no order of arrival matters."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.domain.facts import Fact, FactType
from services.registry.domain.ledger import _halves
from services.registry.domain.outcomes import Outcome
from services.registry.domain.timeline import timeline
from services.registry.intake.commit import Intake
from shared.contracts import facts as contract
from tests.factories_registry import NIK, VILLAGE, at
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryStore

CLOCK = ManualClock(at("2026-11-21T10:00:00+07:00"))

Said = dict[str, Any]


def nik(number: int) -> dict[str, str]:
    return {"scheme": "nik", "value": f"110101410190{number:04d}"}


def card(number: int) -> dict[str, str]:
    return {"scheme": "kpj", "value": f"{number:011d}"}


def said(id_: str, type_: str, time: str = "2026-02-01T00:00:00+07:00", source: str = "bpjs/aceh", **data: Any) -> Said:
    return {
        "specversion": "1.0", "id": id_, "source": source, "type": f"cakupan.{type_}.v1", "time": time, "data": data,
    }  # fmt: skip


def enrolled(id_: str, who: dict[str, str], time: str = "2026-01-10T00:00:00+07:00", **data: Any) -> Said:
    return said(id_, "enrolled", time, identity=who, **({"region": VILLAGE, "segment": "BPU"} | data))


class Registry:
    """An intake over memory that facts are sent to in groups."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._intake = Intake(self.store, SECRETS, CLOCK, INTAKE_METRICS)

    async def send(self, *facts: Said) -> list[Outcome]:
        return await self._intake.decide_together([PARSER.parse_document(fact, CLOCK.now()) for fact in facts])

    async def take(self, *facts: Said) -> list[str]:
        return [outcome.result.value for outcome in await self.send(*facts)]

    def standing(self) -> Counter[str]:
        """Return what is published and not taken back, without who it is about; each once or not at all."""
        by_change: Counter[str] = Counter()
        by_content: Counter[str] = Counter()
        for entry in self.store.state.ledger:
            for text in entry["changes"]:
                change = json.loads("{" + text)
                diff = change.pop("diff")
                half = json.dumps([change["change_id"], change["before"] is None and change["counterpart"]])
                by_change[half] += diff
                assert by_change[half] in (0, 1), "a change was published twice or taken back twice"
                by_content[content_of(change)] += diff
        return +by_content

    def registered(self) -> int:
        """Return the people registered, by the published changes."""
        return sum(
            count * ((content["after"] is not None) - (content["before"] is not None))
            for text, count in self.standing().items()
            for content in [json.loads(text)]
        )


def content_of(change: dict[str, Any]) -> str:
    names = ("kind", "effective_at", "effective_day", "counterpart", "before", "after")
    return json.dumps({name: change[name] for name in names}, sort_keys=True)


async def test_linked_persons_become_one_whose_set_is_the_union() -> None:
    """Two enrolled, one person after the link: one of the two joinings is taken back."""
    registry = Registry()
    await registry.take(enrolled("a", nik(1)), enrolled("b", nik(2), "2026-01-20T00:00:00+07:00"))
    assert registry.registered() == 2
    await registry.take(said("l", "linked", identity=nik(1), other=nik(2)))
    assert registry.registered() == 1
    assert len(registry.store.state.participants) == 1


async def test_voiding_the_link_parts_them() -> None:
    """Whoever was linked through it only."""
    registry = Registry()
    await registry.take(enrolled("a", nik(1)), enrolled("b", nik(2)), enrolled("c", nik(3)))
    await registry.take(said("l1", "linked", identity=nik(1), other=nik(2)))
    await registry.take(said("l2", "linked", identity=nik(2), other=nik(3)))
    assert registry.registered() == 1
    await registry.take(said("x", "corrected", corrects="l1", type="linked", void=True))
    assert registry.registered() == 2
    await registry.take(said("p", "contribution_paid", identity=nik(1), paid_through="2026-12"))
    assert registry.registered() == 2


async def test_a_card_is_known_once_it_was_linked() -> None:
    """A `linked` may bring one new card, not two; a fact by an unlinked card is refused."""
    registry = Registry()
    by_card = said("p", "contribution_paid", identity=card(7), paid_through="2026-12")
    assert await registry.take(enrolled("a", nik(1)), by_card) == ["accepted", "refused"]
    two_new = said("l0", "linked", identity=card(7), other=card(8))
    link = said("l1", "linked", identity=nik(1), other=card(7))
    assert await registry.take(two_new, link, by_card) == ["refused", "accepted", "accepted"]
    assert await registry.take(said("l2", "linked", identity=card(7), other=card(8))) == ["accepted"]
    assert registry.registered() == 1


async def test_a_voided_fact_counts_no_more() -> None:
    """Nor does the person who had only that one."""
    registry = Registry()
    await registry.take(enrolled("a", nik(1)), said("x", "corrected", corrects="a", type="enrolled", void=True))
    assert registry.registered() == 0
    assert registry.store.state.participants == {}


async def test_a_replacement_stands_in_the_facts_place_even_for_another_person() -> None:
    """Under its id, at its time unless another is given."""
    registry = Registry()
    await registry.take(enrolled("a", nik(1)))
    other = {"data": {"identity": nik(2), "region": "63.10", "segment": "PU"}}
    await registry.take(said("x", "corrected", corrects="a", type="enrolled", replacement=other))
    (only,) = (json.loads(text) for text in registry.standing())
    assert (only["after"]["region"], only["effective_at"]) == ("63.10", "2026-01-09T17:00:00Z")
    later: dict[str, Any] = {"replacement": other | {"time": "2026-03-01"}}
    await registry.take(said("y", "corrected", "2026-02-02", corrects="a", type="enrolled", **later))
    (only,) = (json.loads(text) for text in registry.standing())
    assert only["effective_at"] == "2026-02-28T17:00:00Z"


async def test_a_correction_waits_for_what_it_corrects() -> None:
    """And one whose type turns out not to fit has no effect."""
    registry = Registry()
    void = said("x", "corrected", corrects="a", type="enrolled", void=True)
    unfit = said("y", "corrected", "2026-03-01", corrects="b", type="ended", void=True)
    assert await registry.take(void, unfit) == ["accepted", "accepted"]
    assert await registry.take(enrolled("a", nik(1)), enrolled("b", nik(2))) == ["accepted", "accepted"]
    assert registry.registered() == 1


async def test_of_several_corrections_the_latest_then_the_greatest_id_holds() -> None:
    """Whatever order they arrive in."""
    registry = Registry()
    keep: dict[str, Any] = {"replacement": {"data": {"identity": nik(1), "region": "63.10", "segment": "PU"}}}
    await registry.take(said("z", "corrected", corrects="a", type="enrolled", **keep), enrolled("a", nik(1)))
    await registry.take(said("x", "corrected", corrects="a", type="enrolled", void=True))
    assert registry.registered() == 1
    await registry.take(said("zz", "corrected", corrects="a", type="enrolled", void=True))
    assert registry.registered() == 0


async def test_a_correction_cannot_be_corrected_and_an_identity_not_linked_to_itself() -> None:
    """Refused, by what is said and by what is known."""
    registry = Registry()
    await registry.take(said("x", "corrected", corrects="a", type="enrolled", void=True))
    itself: dict[str, Any] = {"identity": nik(1), "other": nik(1)}
    outcomes = await registry.send(
        said("y", "corrected", corrects="q", type="corrected", void=True),
        said("z", "corrected", corrects="x", type="enrolled", void=True),
        said("l", "linked", **itself),
        said(
            "n", "corrected", corrects="a", type="linked", replacement={"data": {"identity": nik(1), "other": nik(1)}}
        ),
    )
    codes = [(outcome.refusal.code.value, outcome.refusal.field) for outcome in outcomes if outcome.refusal]
    assert codes == [
        ("correction_of_correction", "data.corrects"),
        ("correction_of_correction", "data.corrects"),
        ("self_link", "data.other"),
        ("self_link", "data.replacement.data.other"),
    ]


async def test_nothing_stored_holds_an_identity() -> None:
    """Links and corrections included."""
    registry = Registry()
    who = {"scheme": "nik", "value": NIK}
    await registry.take(
        enrolled("a", who),
        said("l", "linked", identity=who, other=nik(2)),
        said("x", "corrected", corrects="q", type="ended", replacement={"data": {"identity": who}}),
    )
    assert NIK not in repr(registry.store.state)


# The law: the published changes sum to what the definition gives, for any order of arrival and any grouping.

instants = st.sampled_from([f"2026-0{month}-0{day}T00:00:00+07:00" for month in range(1, 9) for day in (1, 2)])
people = st.integers(1, 3).map(nik)
regions = st.sampled_from([VILLAGE, "11.01", "63.10", "92.08"])
months = st.sampled_from(["2025-12", "2026-02", "2026-06", "2027-01"])
DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "enrolled": st.fixed_dictionaries(
        {"identity": people, "region": regions, "segment": st.sampled_from(["PU", "JAKON"])},
        optional={"paid_through": months},
    ),
    "contribution_paid": st.fixed_dictionaries({"identity": people, "paid_through": months}),
    "relocated": st.fixed_dictionaries({"identity": people, "region": regions}),
    "ended": st.fixed_dictionaries({"identity": people}),
    "linked": st.sampled_from([(1, 2), (2, 3), (1, 3)]).map(lambda p: {"identity": nik(p[0]), "other": nik(p[1])}),
}
TYPES = ["enrolled", "enrolled", "contribution_paid", "relocated", "ended", "linked"]


@st.composite
def streams(draw: st.DrawFn) -> list[Said]:
    """A dozen facts of three people, some linked, some corrected, corrections of facts that never come included."""
    facts: list[Said] = []
    for number in range(draw(st.integers(1, 12))):
        type_, time = draw(st.sampled_from(TYPES)), draw(instants)
        if facts and draw(st.integers(0, 3)) == 0:
            corrects = draw(st.sampled_from([f"f{n}" for n in range(13)]))
            change: dict[str, Any] = {"void": True}
            if draw(st.booleans()):
                change = {"replacement": {"data": draw(DATA[type_])}}
                if draw(st.booleans()):
                    change["replacement"]["time"] = draw(instants)
            facts.append(said(f"f{number}", "corrected", time, corrects=corrects, type=type_, **change))
        else:
            facts.append(said(f"f{number}", type_, time, **draw(DATA[type_])))
    return facts


def defined(accepted: list[Said]) -> Counter[str]:
    """Return what semantics.md says stands, computed from the whole set at once."""
    placed = [(fact["type"].split(".")[1], fact, resolved(fact, accepted)) for fact in accepted]
    live = [(type_, fact["id"], *now) for type_, fact, now in placed if type_ != "corrected" and now]
    person = {who["value"]: who["value"] for who in (nik(1), nik(2), nik(3))}
    for type_, _, data, _ in live:
        if type_ == "linked":
            one, other = person[data["identity"]["value"]], person[data["other"]["value"]]
            person = {who: one if of == other else of for who, of in person.items()}
    sums: Counter[str] = Counter()
    for name in set(person.values()):
        facts = [
            as_fact(type_, id_, data, time)
            for type_, id_, data, time in live
            if type_ != "linked" and person[data["identity"]["value"]] == name
        ]
        for transition in timeline(facts, CLOCK.now()):
            for before, after, counterpart in _halves(transition):
                parts = {"before": before, "after": after, "counterpart": counterpart}
                whole = {"kind": transition.kind, "effective_at": transition.effective_at} | parts
                sums[content_of(as_json(whole | {"effective_day": transition.effective_day}))] += 1
    return sums


def resolved(fact: Said, accepted: list[Said]) -> tuple[dict[str, Any], str] | None:
    type_ = fact["type"].split(".")[1]
    fitting = [
        other for other in accepted
        if other["type"] == "cakupan.corrected.v1" and other["data"]["corrects"] == fact["id"]
        and other["data"]["type"] == type_
    ]  # fmt: skip
    if not fitting:
        return fact["data"], fact["time"]
    holds = max(fitting, key=lambda other: (at(other["time"]), other["id"]))["data"]
    if "void" in holds:
        return None
    return holds["replacement"]["data"], holds["replacement"].get("time", fact["time"])


def as_fact(type_: str, id_: str, data: dict[str, Any], time: str) -> Fact:
    named = {name: value for name, value in data.items() if name != "identity"}
    return Fact(at(time), FactType(type_), "bpjs/aceh", id_, **named)


def as_json(value: Any) -> Any:
    import msgspec

    return msgspec.json.decode(msgspec.json.encode(value))


@settings(max_examples=150)
@given(streams(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_published_changes_sum_to_the_definition_whatever_the_order(
    facts: list[Said], chance: random.Random, size: int
) -> None:
    """Late, shuffled, duplicated, corrected and linked facts; and no change is ever out twice."""
    arriving = [*facts, *chance.sample(facts, k=len(facts) // 3)]
    chance.shuffle(arriving)
    registry, accepted = Registry(), dict[str, Said]()
    for start in range(0, len(arriving), size):
        group = arriving[start : start + size]
        for fact, result in zip(group, asyncio.run(registry.take(*group)), strict=True):
            if result == "accepted":
                accepted[fact["id"]] = fact
    assert registry.standing() == defined(list(accepted.values()))


def test_the_law_knows_every_type() -> None:
    """So that a new type is put under it."""
    law = {f"cakupan.{type_}.v1" for type_ in [*DATA, "corrected", "reclassified"]}
    assert law == contract.TYPES.keys()
