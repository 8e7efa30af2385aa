from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.sample.figures import RISE_SHARES, Figures
from deploy.local.sample.people import SOURCES, base_facts, invented_nik, rise_facts
from shared.contracts.facts import TYPES
from shared.regions.catalogue import catalogue
from shared.regions.codes import WIB, level_of, regency_of

ANCHOR = datetime(2026, 3, 31, 21, 14, 5, tzinfo=WIB)
SMALL = Figures.at(2_000)
seeds = st.integers(0, 2**32)
anchors = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
scales = st.integers(1_000, 20_000).map(Figures.at)


def everything(figures: Figures, anchor: datetime = ANCHOR, seed: int = 1) -> list[dict[str, Any]]:
    return base_facts(figures, anchor, seed) + rise_facts(figures, anchor, seed)


def niks(facts: list[dict[str, Any]]) -> set[str]:
    return {fact["data"]["identity"]["value"] for fact in facts}


def active_after(facts: list[dict[str, Any]]) -> set[str]:
    """Everybody whom some fact pays for."""
    return niks([fact for fact in facts if "paid_through" in fact["data"]])


def months(text: str) -> int:
    return int(text[:4]) * 12 + int(text[5:7]) - 1


def test_the_full_sample_has_its_exact_numbers() -> None:
    """6,517 people, all paid for, then 327 others."""
    figures = Figures.at(100)
    base, rise = base_facts(figures, ANCHOR), rise_facts(figures, ANCHOR)
    assert len(niks(base)) == len(active_after(base)) == 6_517
    assert len(niks(rise)) == len(active_after(rise)) == len(rise) == 327
    assert len(niks(base + rise)) == 6_844
    enrolled = [fact["data"]["region"] for fact in base if "region" in fact["data"]]
    assert {regency_of(region) for region in enrolled} == set(catalogue().children("11"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(figures=scales, anchor=anchors, seed=seeds)
def test_any_seed_gives_the_same_counts(figures: Figures, anchor: datetime, seed: int) -> None:
    """The number of people registered and of people paid for depends on the figures alone."""
    base, rise = base_facts(figures, anchor, seed), rise_facts(figures, anchor, seed)
    assert len(niks(base)) == len(active_after(base)) == figures.registered
    assert len(niks(base + rise)) == len(active_after(base + rise)) == figures.risen


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(anchor=anchors, seed=seeds)
def test_every_fact_is_one_the_registry_takes(anchor: datetime, seed: int) -> None:
    """Each fact fits the contract, names a real region, its own source and an id used once."""
    facts = everything(SMALL, anchor, seed)
    for fact in facts:
        TYPES[fact["type"]].model_validate(fact, context={"now": anchor})
        assert fact["data"].get("region", "11.01") in catalogue()
        assert fact["source"] in SOURCES
    assert len({(fact["source"], fact["id"]) for fact in facts}) == len(facts)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(anchor=anchors, seed=seeds)
def test_nobody_lapses_for_months(anchor: datetime, seed: int) -> None:
    """Every payment reaches three months beyond the anchor, and none over 24 months beyond its own fact."""
    now = months(f"{anchor.astimezone(WIB):%Y-%m}")
    for fact in everything(SMALL, anchor, seed):
        if paid_through := fact["data"].get("paid_through"):
            assert now + 3 <= months(paid_through) <= months(fact["time"]) + 24


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(anchor=anchors, seed=seeds)
def test_only_the_rise_is_within_the_last_week(anchor: datetime, seed: int) -> None:
    """The base lies in the eighteen months that end a week before; the rise is of the anchor's own day."""
    today = anchor.astimezone(WIB).date()
    base, rise = base_facts(SMALL, anchor, seed), rise_facts(SMALL, anchor, seed)
    for moment in (datetime.fromisoformat(fact["time"]) for fact in base):
        assert today - timedelta(days=540) <= moment.date() <= today - timedelta(days=8)
        assert moment.utcoffset() == timedelta(hours=7)
    for moment in (datetime.fromisoformat(fact["time"]) for fact in rise):
        assert moment.date() == today
        assert moment <= anchor


def test_the_same_seed_and_anchor_give_the_same_facts() -> None:
    """A second play sends what the first one sent, so that the registry knows each fact again."""
    assert everything(SMALL) == everything(SMALL)
    assert everything(SMALL) == everything(SMALL, ANCHOR.astimezone(UTC))
    assert everything(SMALL) != everything(SMALL, seed=2)


def test_the_base_comes_oldest_first() -> None:
    """Facts are sent in the order in which they happened, so that all regions rise together."""
    moments = [fact["time"] for fact in base_facts(SMALL, ANCHOR)]
    assert moments == sorted(moments)


def test_the_rise_is_carried_by_three_named_regencies() -> None:
    """Whoever looks at the week's movers finds these three and their numbers."""
    rise = Counter(regency_of(fact["data"]["region"]) for fact in rise_facts(Figures.at(100), ANCHOR))
    assert rise == RISE_SHARES
    names = {catalogue().name(code) for code in rise}
    assert names == {"Kabupaten Aceh Utara", "Kabupaten Pidie", "Kabupaten Bireuen"}


def test_the_sample_shows_every_shape_of_enrolment() -> None:
    """About one in five pays by a later fact; most places are villages, some only a district or a regency."""
    base = base_facts(Figures.at(100), ANCHOR)
    kinds = Counter(fact["type"] for fact in base)
    assert 0.17 < kinds["cakupan.contribution_paid.v1"] / 6_517 < 0.23
    levels = Counter(level_of(fact["data"]["region"]) for fact in base if "region" in fact["data"])
    assert levels["village"] > 6_000 > levels["district"] > 100 < levels["regency"]
    assert {fact["data"].get("segment") for fact in base} >= {"PU", "BPU", "JAKON", "PMI"}


@given(serial=st.integers(0, 999_999), birth=st.dates(date(1940, 1, 1), date(2010, 1, 1)), woman=st.booleans())
def test_an_invented_nik_is_well_formed_and_no_ones(serial: int, birth: date, woman: bool) -> None:
    """It begins with a province that does not exist, holds the date of birth, and gives its serial back."""
    nik = invented_nik(serial, birth, woman=woman)
    assert len(nik) == 16
    assert nik[:2] == "00"
    assert catalogue().name("00") is None
    assert int(nik[4:6] + nik[12:]) == serial
    assert nik[8:12] == f"{birth:%m%y}"
    assert int(nik[6:8]) == birth.day + 40 * woman


def test_there_are_no_niks_beyond_a_million() -> None:
    """A serial that has no room is refused; otherwise two people would share a NIK."""
    with pytest.raises(ValueError, match="a million"):
        invented_nik(1_000_000, date(2000, 1, 1), woman=False)
