"""What is taken, and the first refusal that fits."""

from __future__ import annotations

from typing import Any

import pytest

from services.registry.domain.errors import RefusalCode
from services.registry.intake.parsing import Candidate, Parser
from shared.regions.catalogue import catalogue
from tests.factories_registry import NIK, at, event, raw

NOW = at("2026-11-21T10:00:00+07:00")
PARSER = Parser(catalogue(), b"secret")
DIGESTS = [
    "8b367eac5d39cc1d8cd113fbbfa92b48",
    "826e24412cfdee128574614205b72905",
    "26b75dd8a080b41ca3099fbcbf8dcc04",
]
"""Made by the version before: of groups [non_asn], of none named, of an empty list."""


def parse(**over: Any) -> Candidate:
    return PARSER.parse(raw(**over), NOW)


def nik(value: Any) -> dict[str, Any]:
    return {"identity": {"scheme": "nik", "value": value}}


REFUSED: list[tuple[str, dict[str, Any], str | None]] = [
    ("unknown_type", {"type": "cakupan.vanished.v1", "id": ...}, "type"),
    ("missing_field", {"id": ..., "time": None}, "id"),
    ("missing_field", {"type": ...}, "type"),
    ("missing_field", {"data": {"identity": {"scheme": "nik"}}}, "data.identity.value"),
    ("missing_field", {"data": {"segment": ...}}, "data.segment"),
    ("unknown_field", {"data": {"colour": "red"}}, "data"),
    ("unknown_field", {"data": {"identity": {"scheme": "nik", "value": NIK, "x": 1}}}, "data.identity"),
    ("unknown_field", {"data_base64": "e30="}, "data_base64"),
    ("missing_field", {"type": "cakupan.reclassified.v1", "data": {"segment": ..., "region": ...}}, "data.segment"),
    ("unknown_field", {"type": "cakupan.relocated.v1"}, "data.segment"),
    ("unknown_field", {"type": "cakupan.ended.v1", "data": {"segment": ...}}, "data.region"),
    ("malformed_field", {"data": {"payer": None}}, "data.payer"),
    ("malformed_field", {"data": {"groups": None}}, "data.groups"),
    ("malformed_field", {"data": {"groups": "vulnerable"}}, "data.groups"),
    ("malformed_field", {"data": {"segment": 3}}, "data.segment"),
    ("malformed_field", {"data": {"paid_through": "2026-13"}}, "data.paid_through"),
    ("malformed_field", {"data": {"paid_through": None}}, "data.paid_through"),
    ("malformed_field", {"time": "2026-09-30T08:00:00"}, "time"),
    ("malformed_field", {"time": "2026-02-30T08:00:00+07:00"}, "time"),
    ("malformed_field", {"time": 1790000000}, "time"),
    ("malformed_field", {"specversion": "0.3"}, "specversion"),
    ("malformed_field", {"source": "bpjs/3273010101900001"}, "source"),
    ("malformed_field", {"source": ""}, "source"),
    ("malformed_field", {"source": "clock"}, "source"),
    ("malformed_field", {"id": " "}, "id"),
    ("malformed_field", {"id": "t6e "}, "id"),
    ("malformed_field", {"id": "t34\n"}, "id"),
    ("malformed_field", {"id": "\u00a0a"}, "id"),
    ("malformed_field", {"id": "a\x7fb"}, "id"),
    ("malformed_field", {"source": "a\u0085b"}, "source"),
    ("unknown_field", {"b-b": 1.5, "data": {"payer": None}}, None),
    ("malformed_field", {"traceparent": 1.5}, "traceparent"),
    ("time_out_of_range", {"time": "1977-12-04", "data": {"segment": "XX"}}, "time"),
    ("time_out_of_range", {"time": "2027-11-24"}, "time"),
    (
        "unknown_scheme",
        {"data": {"identity": {"scheme": "sim", "value": NIK}, "segment": "XX"}},
        "data.identity.scheme",
    ),
    ("malformed_identity", {"data": nik(NIK[:15]) | {"segment": "XX"}}, "data.identity"),
    ("malformed_identity", {"data": nik("1101013202900001")}, "data.identity"),
    ("malformed_identity", {"data": {"identity": {"scheme": "passport", "value": "A-12"}}}, "data.identity"),
    ("unknown_segment", {"data": {"segment": "XX", "groups": ["poor"]}}, "data.segment"),
    ("unknown_group", {"data": {"groups": ["poor"], "payer": "me"}}, "data.groups.0"),
    ("unknown_payer", {"data": {"payer": "me", "programmes": ["JKN"]}}, "data.payer"),
    ("unknown_programme", {"data": {"programmes": ["JKN"], "region": "99.99"}}, "data.programmes.0"),
    ("programme_not_eligible", {"data": {"programmes": ["JP"], "region": "99.99"}}, "data.programmes"),
    ("programme_not_eligible", {"data": {"segment": "PU", "programmes": ["JKK", "JKP"]}}, "data.programmes"),
    ("unknown_region", {"data": {"region": "99.99", "paid_through": "2099-01"}}, "data.region"),
    ("unknown_region", {"data": {"region": "11"}}, "data.region"),
    ("unknown_region", {"data": {"region": "ID"}}, "data.region"),
    ("unknown_region", {"data": {"region": "1101"}}, "data.region"),
    ("paid_through_out_of_range", {"data": {"paid_through": "2028-10"}}, "data.paid_through"),
]


@pytest.mark.parametrize(("code", "over", "field"), REFUSED)
def test_each_code_is_given_for_its_fault_and_names_the_field(code: str, over: dict[str, Any], field: str) -> None:
    """The first code that fits in the order of semantics.md, though another fault follows."""
    refusal = parse(**over).refusal
    assert refusal is not None
    assert (refusal.code.value, refusal.field) == (code, field)
    assert refusal.detail


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_malformed_json(body: bytes) -> None:
    """Garbage, other JSON values, bytes that are no UTF-8 and hostile nesting alike."""
    refusal = PARSER.parse(body[:60_000], NOW).refusal
    assert refusal is not None
    assert refusal.code is RefusalCode.MALFORMED_JSON


def test_a_body_over_64_kib_is_too_large_whatever_it_holds() -> None:
    """Size is judged before content."""
    refusal = PARSER.parse(b"{" * (64 * 1024 + 1), NOW).refusal
    assert refusal is not None
    assert refusal.code is RefusalCode.TOO_LARGE


@pytest.mark.parametrize(
    "over",
    [
        {},
        {"time": "2026-09-30"},
        {"time": "2026-09-30T01:00:00.123456Z"},
        {"traceparent": "00-x", "subject": "anyone"},
        {"subject": None, "datacontenttype": None},
        {"id": "a\u200bb \u00e9"},
        {"data": nik("1101015508000001")},
        {"data": nik("1101012902000001")},
        {"data": nik("0000006901010000")},
        {"data": {"identity": {"scheme": "passport", "value": "a1234567"}}},
        {"data": {"region": "11.01", "groups": [], "programmes": []}},
        {"data": {"segment": "PU", "programmes": ["JKK", "JKM", "JHT", "JP", "JKP"]}},
        {"data": {"paid_through": "2028-09"}},
        {"type": "cakupan.relocated.v1", "data": {"segment": ...}},
        {"type": "cakupan.reclassified.v1", "data": {"region": ..., "programmes": ["JP"], "segment": ...}},
        {"type": "cakupan.ended.v1", "data": {"region": ..., "segment": ..., "reason": "death"}},
        {"type": "cakupan.contribution_paid.v1", "data": {"region": ..., "segment": ..., "paid_through": "2026-12"}},
    ],
)
def test_what_the_page_allows_is_taken(over: dict[str, Any]) -> None:
    """Dates alone, women's and leap-day NIKs, small-letter passports, extensions, empty lists."""
    assert parse(**over).refusal is None


def test_a_date_alone_is_midnight_in_wib_whatever_the_region() -> None:
    """Also for a region of WIT."""
    fact = parse(time="2026-09-30", data={"region": "92.08"}).fact
    assert fact is not None
    assert fact.effective_at == at("2026-09-30T00:00:00+07:00")


def test_months_ahead_are_counted_in_the_regions_zone() -> None:
    """23:30 WIB on 30 September is October in WIT: one more month may be paid."""
    late = {"time": "2026-09-30T23:30:00+07:00", "data": {"region": "92.08", "paid_through": "2028-10"}}
    assert parse(**late).refusal is None


def test_content_is_type_time_and_data_with_lists_as_sets() -> None:
    """Other attributes, the order of lists and keys, the offset written and a passport's case do not count."""
    passport = {"identity": {"scheme": "passport", "value": "A1234567"}, "groups": ["vulnerable", "non_asn"]}
    one = parse(data=passport)
    other = event(
        time="2026-09-30T01:00:00.0009Z",
        traceparent="00-y",
        data={"groups": ["non_asn", "vulnerable"], "identity": {"value": "a1234567", "scheme": "passport"}},
    )
    assert one.digests == PARSER.parse_document(dict(reversed(other.items())), NOW).digests
    assert one.digests != parse(data=passport | {"groups": ["non_asn"]}).digests
    assert one.digests != parse(data=passport, time="2026-09-30T01:00:00.001Z").digests


@pytest.mark.parametrize("wrap", [lambda data: {"data": data}, lambda data: correction(data)])
def test_an_enrolment_without_groups_has_both_digests_that_may_be_stored(wrap: Any) -> None:
    """Left out or empty: the first digest is the same, and the second is what earlier versions stored for []."""
    absent, empty = parse(**wrap({})), parse(**wrap({"groups": []}))
    assert absent.digests == empty.digests
    assert len(set(absent.digests)) == 2
    assert parse(**wrap({"groups": ["non_asn"]})).digests != absent.digests


def correction(data: dict[str, Any]) -> dict[str, Any]:
    """Return a correction that puts an enrolment with this data in the place of another."""
    whole = {"corrects": "f-0", "type": "enrolled", "replacement": {"data": event(data=data)["data"]}}
    return {"type": "cakupan.corrected.v1", "data": whole | {"identity": ..., "region": ..., "segment": ...}}


SAME_BUT_GROUPS: list[dict[str, Any]] = [{"groups": ["non_asn"]}, {}, {"groups": []}]


def test_digests_stay_what_they_were() -> None:
    """Facts that were stored by earlier versions are recognised: with groups, without, and with an empty list."""
    named, absent, empty = [parse(data=data).digests for data in SAME_BUT_GROUPS]
    assert [digest.hex() for digest in (named[0], absent[0], empty[1])] == DIGESTS


@pytest.mark.parametrize(("code", "over", "field"), REFUSED)
def test_no_refusal_holds_the_identity(code: str, over: dict[str, Any], field: str | None) -> None:
    """Neither in its detail nor in its field."""
    refusal = parse(**over).refusal
    assert refusal is not None
    assert NIK[:11] not in f"{refusal.detail}{refusal.field}"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (nik("1E+15"), "number by a spreadsheet"),
        (nik("1,71E+15"), "number by a spreadsheet"),
        (nik("1710000000000000.0"), "number by a spreadsheet"),
        ({"identity": {"scheme": "kpj", "value": "9012345678"}}, "dropped zeros"),
        ({"paid_through": "2023-11-01 00:00:00"}, "date of a spreadsheet"),
        ({"paid_through": "Jan-24"}, "date of a spreadsheet"),
        ({"paid_through": "11/2023"}, "date of a spreadsheet"),
        ({"region": "63.1"}, "last zero of 63.10"),
        ({"region": "63,1"}, "last zero of 63.10"),
    ],
)
def test_what_a_spreadsheet_spoilt_is_refused_with_a_hint(data: dict[str, Any], says: str) -> None:
    """It names what happened and what to do."""
    refusal = parse(data=data).refusal
    assert refusal is not None
    assert says in refusal.detail
    assert "format the column as text" in refusal.detail
