"""The invented people of the sample, their facts, and the reference data beside them."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.sample.aceh import RISE_SHARES, Figures, allot
from deploy.local.sample.people import BUDGET_ENDS, base_facts, budget_facts, invented_nik, rise_facts
from deploy.local.sample.reference import reference_files
from shared.contracts.facts import TYPES
from shared.regions.catalogue import catalogue
from shared.regions.codes import WIB, level_of, regency_of

ANCHOR = datetime(2026, 3, 31, 21, 14, 5, tzinfo=WIB)
FULL, SMALL = Figures.at(100), Figures.at(2_000)
GRACE = {"PU": 3, "BPU": 3, "JAKON": 0, "PMI": 0}
anchors = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
weights = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 10_000), min_size=1, max_size=30)
laws = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def people(facts: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the facts of each person, in the order of time."""
    found: dict[str, list[dict[str, Any]]] = {}
    for fact in sorted(facts, key=lambda fact: str(fact["time"])):
        found.setdefault(fact["data"]["identity"]["value"], []).append(fact)
    return found


def lapse(fact: dict[str, Any], segment: str) -> date:
    """Return the day on which a person lapses who pays by this fact alone."""
    year, month = map(int, fact["data"]["paid_through"].split("-"))
    months = year * 12 + month + GRACE[segment]
    return date(months // 12, months % 12 + 1, 1)


@laws
@given(anchor=anchors, seed=st.integers(0, 2**32))
def test_any_seed_and_anchor_give_the_same_counts(anchor: datetime, seed: int) -> None:
    """Everybody is registered and active at the anchor: the last payment is in force and lapses a day later or more."""
    base, rise = base_facts(SMALL, anchor, seed), rise_facts(SMALL, anchor, seed)
    known = people(base + rise)
    assert (len(people(base)), len(known)) == (SMALL.registered, SMALL.risen)
    tomorrow = anchor.astimezone(WIB).date() + timedelta(days=1)
    for facts in known.values():
        assert lapse(facts[-1], facts[0]["data"]["segment"]) > tomorrow


@laws
@given(anchor=anchors, seed=st.integers(0, 2**32))
def test_every_fact_is_one_the_registry_takes(anchor: datetime, seed: int) -> None:
    """Each fact fits the contract, names a real region, and has an id used once."""
    facts = base_facts(SMALL, anchor, seed) + rise_facts(SMALL, anchor, seed)
    for fact in facts:
        TYPES[fact["type"]].model_validate(fact, context={"now": anchor})
        assert fact["data"].get("region", "11.01") in catalogue()
        if paid := fact["data"].get("paid_through"):
            months = (int(paid[:4]) - int(fact["time"][:4])) * 12 + int(paid[5:]) - int(fact["time"][5:7])
            assert months <= 24
    assert len({(fact["source"], fact["id"]) for fact in facts}) == len(facts)
    assert {fact["source"] for fact in facts} == {"bpjs/aceh", "dinas/aceh"}


@laws
@given(anchor=anchors)
def test_only_the_rise_is_within_the_last_week(anchor: datetime) -> None:
    """The base lies in the eighteen months that end a week before; the rise is of the anchor's own day."""
    today = anchor.astimezone(WIB).date()
    for fact in base_facts(SMALL, anchor):
        assert today - timedelta(days=540) <= date.fromisoformat(fact["time"][:10]) <= today - timedelta(days=8)
    for fact in rise_facts(SMALL, anchor):
        assert datetime.fromisoformat(fact["time"]) <= anchor
        assert date.fromisoformat(fact["time"][:10]) == today


def test_the_same_anchor_gives_the_same_facts() -> None:
    """A second play sends what the first one sent, so that the registry knows each fact again."""
    assert base_facts(SMALL, ANCHOR) == base_facts(SMALL, ANCHOR.astimezone(UTC))
    assert rise_facts(SMALL, ANCHOR) == rise_facts(SMALL, ANCHOR.astimezone(UTC))


def test_the_full_sample_shows_what_happens_to_people() -> None:
    """Some pay later, some lapse and return, some have no village; three regencies carry the rise."""
    base, rise = base_facts(FULL, ANCHOR), rise_facts(FULL, ANCHOR)
    known, today = people(base), ANCHOR.date()
    assert (len(known), len(rise)) == (6_517, 327)
    assert Counter(regency_of(fact["data"]["region"]) for fact in rise) == RISE_SHARES
    first, last = [facts[0] for facts in known.values()], [facts[-1] for facts in known.values()]
    levels = Counter(level_of(fact["data"]["region"]) for fact in first)
    assert levels["village"] > 6_000 > levels["district"] > 100 < levels["regency"]
    assert {fact["data"]["segment"] for fact in first} == GRACE.keys()
    assert sum("paid_through" not in fact["data"] for fact in first) > 1_000
    lapsed = [
        facts
        for facts in known.values()
        if "paid_through" in facts[0]["data"] and lapse(facts[0], facts[0]["data"]["segment"]) <= today
    ]
    assert len(lapsed) > 100
    for enrolled, paid in lapsed:
        assert lapse(enrolled, enrolled["data"]["segment"]) < date.fromisoformat(paid["time"][:10])
    soon = [one for one, end in zip(first, last, strict=True) if lapse(end, one["data"]["segment"]) == date(2026, 5, 1)]
    assert {fact["data"]["payer"] for fact in soon} == {"self"}


@given(anchor=anchors)
def test_a_whole_budget_ends_when_the_next_month_begins(anchor: datetime) -> None:
    """3,000 lapse together, 400 others later; of these 3,000 24 villages have over a hundred each, 8 about half."""
    facts = budget_facts(anchor)
    ends = lapse(min(facts, key=lambda fact: str(fact["data"]["paid_through"])), "BPU")
    ended = [fact["data"] for fact in facts if lapse(fact, "BPU") == ends]
    assert {data["payer"] for data in ended} == {"apbd_regency"}
    assert (len(ended), len(facts), len(people(facts))) == (3_000, 3_400, 3_400)
    assert timedelta(0) < ends - anchor.astimezone(WIB).date() <= timedelta(days=32)
    villages = Counter(data["region"] for data in ended)
    assert Counter(count >= 100 for count in villages.values()) == {True: 24, False: 8}
    for fact in facts:
        TYPES[fact["type"]].model_validate(fact, context={"now": anchor})
        assert fact["data"]["region"].startswith(BUDGET_ENDS)


def test_reference_data_is_the_same_in_one_year_and_sums_to_the_province() -> None:
    """Regencies' potentials sum to the province's; villages are designated, eligible, and designated but broken."""
    base = base_facts(FULL, ANCHOR)
    files = reference_files(FULL, base, ANCHOR)
    assert files == reference_files(FULL, base, ANCHOR + timedelta(days=100))
    for text in files.values():
        assert all(None not in row and None not in row.values() for row in csv.DictReader(text.splitlines()))
    rows = list(csv.DictReader(files["potentials"].splitlines()))
    workers = {row["region"]: int(row["value"]) for row in rows if row["basis"] == "workers"}
    assert workers.pop("63.10") == 8_600
    assert workers.pop("11") == 17_109 == sum(workers.values())
    assert list(workers) == list(catalogue().children("11"))
    rosters = [row["region"] for row in rows if row["basis"] == "village_officials"]
    designated = [row["region"] for row in csv.DictReader(files["designations"].splitlines())][1:]
    assert (len(rosters), len(designated)) == (12, 8)
    assert set(designated) < set(rosters)


@given(one_to=st.integers(10, 20_000))
def test_the_rise_ends_on_the_first_person_at_forty_per_cent(one_to: int) -> None:
    """At any scale the risen population meets 40 %, and one person less does not."""
    figures = Figures.at(one_to)
    assert figures.risen * 10 >= figures.potential * 4 > (figures.risen - 1) * 10


@given(total=st.integers(0, 100_000), weights=weights)
def test_shares_sum_to_the_total(total: int, weights: dict[str, int]) -> None:
    """Shares are whole, sum to the total and stray less than one from their proportion."""
    shares, whole = allot(total, weights), sum(weights.values())
    assert sum(shares.values()) == total
    assert all(abs(shares[key] * whole - total * weights[key]) < whole for key in weights)


@given(serial=st.integers(0, 999_999), birth=st.dates(date(1940, 1, 1), date(2010, 1, 1)), woman=st.booleans())
def test_an_invented_nik_is_well_formed_and_nobodys(serial: int, birth: date, woman: bool) -> None:
    """It begins with a province that does not exist, holds the date of birth, and gives its serial back."""
    nik = invented_nik(serial, birth, woman=woman)
    assert (len(nik), nik[:2], catalogue().name("00")) == (16, "00", None)
    assert int(nik[4:6] + nik[12:]) == serial
    assert (nik[8:12], int(nik[6:8])) == (f"{birth:%m%y}", birth.day + 40 * woman)


def test_there_are_no_niks_beyond_a_million() -> None:
    """A serial that has no room is refused; otherwise two people would share a NIK."""
    with pytest.raises(ValueError, match="a million"):
        invented_nik(1_000_000, date(2000, 1, 1), woman=False)
