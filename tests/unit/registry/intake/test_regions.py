"""What a fact's region code comes to: its home in force, a refusal, or a BPS code's counterpart."""

from __future__ import annotations

from typing import Any

import pytest

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.domain.facts import Correction, Fact
from services.registry.intake.parsing import Candidate, Parser
from services.registry.intake.regions import RegionCodes
from shared.regions.catalogue import catalogue
from tests.factories_registry import NIK, at, raw

NOW = at("2026-11-21T10:00:00+07:00")
PARSER = Parser(catalogue(), b"secret")
AMBIGUOUS = "91.07.01.2003"
WHO = {"scheme": "nik", "value": NIK}


def parse(parser: Parser = PARSER, **over: Any) -> Candidate:
    return parser.parse(raw(**over), NOW)


def region_of(candidate: Candidate) -> str | None:
    said = candidate.parsed.replacement if isinstance(candidate.parsed, Correction) else candidate.parsed
    assert isinstance(said, Fact)
    return said.region


def refused(candidate: Candidate) -> Refusal:
    assert candidate.refusal is not None
    return candidate.refusal


def correction(region: str) -> dict[str, Any]:
    """Return a correction whose replacement is in the region."""
    replacement = {"data": {"identity": WHO, "region": region}}
    data = {"corrects": "f-0", "type": "relocated", "replacement": replacement}
    return {"type": "cakupan.corrected.v1", "data": data | {"identity": ..., "region": ..., "segment": ...}}


@pytest.mark.parametrize(("sent", "home"), [("91.01", "93.01"), ("92.01.07.1001", "96.01.05.1001"), ("11.01", "11.01")])
def test_a_retired_region_is_read_as_its_home_in_force(sent: str, home: str) -> None:
    """In a fact and in what a correction puts in another's place; one in force stays."""
    assert region_of(parse(data={"region": sent})) == home
    assert region_of(parse(**correction(sent))) == home


def test_the_content_is_what_was_sent() -> None:
    """A retired code and its home are two contents, so sent again it is a duplicate, and otherwise a conflict."""
    sent, home = parse(data={"region": "91.01"}), parse(data={"region": "93.01"})
    assert sent.digests == parse(data={"region": "91.01"}).digests
    assert sent.digests != home.digests


def test_an_ambiguous_region_is_refused_naming_its_candidates() -> None:
    """And what to do; in a replacement the field is named as it stands in the correction."""
    refusal = refused(parse(data={"region": AMBIGUOUS}))
    assert (refusal.code, refusal.field) == (RefusalCode.AMBIGUOUS_REGION, "data.region")
    assert AMBIGUOUS in refusal.detail
    assert "94.02.01.1010, 94.02.01.2002" in refusal.detail
    inner = refused(parse(**correction(AMBIGUOUS)))
    assert (inner.code, inner.field) == (RefusalCode.AMBIGUOUS_REGION, "data.replacement.data.region")


def test_an_ambiguous_region_is_judged_after_programmes_and_before_the_month_paid() -> None:
    """The order of semantics.md; unknown_region stands just before it."""
    unfit, far = {"region": AMBIGUOUS, "programmes": ["JP"]}, {"region": AMBIGUOUS, "paid_through": "2099-01"}
    assert refused(parse(data=unfit)).code is RefusalCode.PROGRAMME_NOT_ELIGIBLE
    assert refused(parse(data=far)).code is RefusalCode.AMBIGUOUS_REGION
    assert RefusalCode.UNKNOWN_REGION.rank + 1 == RefusalCode.AMBIGUOUS_REGION.rank


@pytest.mark.parametrize("code", ["91.01.20.2004", "91.01.99", "91", "99.01", "3171", "11.01x"])
def test_what_no_region_in_force_stands_for_is_unknown(code: str) -> None:
    """A retired code without a known successor, a province, BPS digits that nobody announced."""
    assert refused(parse(data={"region": code})).code is RefusalCode.UNKNOWN_REGION


def test_months_ahead_are_counted_in_the_zone_of_the_home() -> None:
    """At 23:30 WIB on 30 September it is October in Merauke (WIT), whichever code names it: one more month is taken."""
    for parser, code in ((PARSER, "91.01"), (PARSER.reading(RegionCodes.BPS), "9401")):
        data = {"region": code, "paid_through": "2028-10"}
        assert parse(parser, time="2026-09-30T23:30:00+07:00", data=data).refusal is None


def test_each_fact_whose_region_was_retired_is_heard_of() -> None:
    """So that an operator sees who still sends old codes; codes in force and of BPS are none of them."""
    heard: list[str] = []
    parser = Parser(catalogue(), b"secret", lambda: heard.append("one"))
    for region in ("91.01", "93.01", "99.01", AMBIGUOUS, "91.01"):
        parse(parser, data={"region": region})
    parse(parser.reading(RegionCodes.BPS), data={"region": "9401"})
    assert heard == ["one", "one"]


@pytest.mark.parametrize(("bps", "home"), [("3171", "31.74"), ("3173080003", "31.71.01.1001"), ("9401", "93.01")])
def test_a_bps_code_is_translated_where_the_sender_says_so(bps: str, home: str) -> None:
    """In facts and replacements; the parser that it came from reads Kemendagri codes as before."""
    reading = PARSER.reading(RegionCodes.BPS)
    assert region_of(parse(reading, data={"region": bps})) == home
    assert region_of(parse(reading, **correction(bps))) == home
    assert refused(parse(data={"region": bps})).code is RefusalCode.UNKNOWN_REGION


@pytest.mark.parametrize("code", ["31", "3501120010", "9999", "31.71", "31.71.01.1001"])
def test_a_bps_code_without_one_counterpart_is_unknown_and_says_so(code: str) -> None:
    """A province, a village of another spelling, nothing at all, and Kemendagri's own codes, which are no BPS codes."""
    refusal = refused(parse(PARSER.reading(RegionCodes.BPS), data={"region": code}))
    assert (refusal.code, refusal.field) == (RefusalCode.UNKNOWN_REGION, "data.region")
    assert "no single counterpart" in refusal.detail
