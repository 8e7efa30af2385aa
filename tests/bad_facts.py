"""One fact for every refusal code: what each entrance must refuse, and by which name (semantics.md, "Refused")."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from services.registry.intake.fact_files import COLUMNS
from tests.factories_registry import NIK, event

UNKNOWN_CARD: Final = "29999999999"
_TOO_LONG: Final = "x" * (64 * 1024)


def _bad(code: str, **over: Any) -> dict[str, Any]:
    """Return a fact with an id of its own, so that all can be sent in one go."""
    return event(id=f"bad-{code}", **over)


_CORRECTS_A_CORRECTION: Final = {"corrects": "c-1", "type": "corrected", "void": True}

BAD_FACTS: Final[Mapping[str, dict[str, Any] | bytes]] = {
    "too_large": _bad(
        "too_large", type="cakupan.ended.v1", data={"region": ..., "segment": ..., "reason": _TOO_LONG}
    ),
    "malformed_json": b'{"specversion": "1.0", "id": "bad-json", "data": {"identity": "' + NIK.encode() + b'"',
    "unknown_type": _bad("unknown_type", type="cakupan.vanished.v1"),
    "missing_field": _bad("missing_field", data={"segment": ...}),
    "unknown_field": _bad("unknown_field", type="cakupan.relocated.v1"),
    "malformed_field": _bad("malformed_field", time="2026-02-30T08:00:00+07:00"),
    "time_out_of_range": _bad("time_out_of_range", time="1977-12-04"),
    "unknown_scheme": _bad("unknown_scheme", data={"identity": {"scheme": "sim", "value": NIK}}),
    "malformed_identity": _bad("malformed_identity", data={"identity": {"scheme": "nik", "value": NIK[:15]}}),
    "unknown_segment": _bad("unknown_segment", data={"segment": "PNS"}),
    "unknown_group": _bad("unknown_group", data={"groups": ["poor"]}),
    "unknown_payer": _bad("unknown_payer", data={"payer": "me"}),
    "unknown_programme": _bad("unknown_programme", data={"programmes": ["JKN"]}),
    "programme_not_eligible": _bad("programme_not_eligible", data={"programmes": ["JP"]}),
    "unknown_region": _bad("unknown_region", data={"region": "99.01"}),
    "ambiguous_region": _bad("ambiguous_region", data={"region": "91.07.01.2003"}),
    "paid_through_out_of_range": _bad("paid_through_out_of_range", data={"paid_through": "2099-12"}),
    "self_link": _bad(
        "self_link",
        type="cakupan.linked.v1",
        data={"region": ..., "segment": ..., "other": {"scheme": "nik", "value": NIK}},
    ),
    "unknown_card": _bad("unknown_card", data={"identity": {"scheme": "kpj", "value": UNKNOWN_CARD}}),
    "correction_of_correction": {
        **_bad("correction_of_correction", type="cakupan.corrected.v1"), "data": _CORRECTS_A_CORRECTION
    },
}  # fmt: skip
"""Refusal code → what is sent: an event, or bytes that are none."""

FIELD_AT_FAULT: Final[Mapping[str, str | None]] = {
    "too_large": None,
    "malformed_json": None,
    "unknown_type": "type",
    "missing_field": "data.segment",
    "unknown_field": "data.segment",
    "malformed_field": "time",
    "time_out_of_range": "time",
    "unknown_scheme": "data.identity.scheme",
    "malformed_identity": "data.identity",
    "unknown_segment": "data.segment",
    "unknown_group": "data.groups.0",
    "unknown_payer": "data.payer",
    "unknown_programme": "data.programmes.0",
    "programme_not_eligible": "data.programmes",
    "unknown_region": "data.region",
    "ambiguous_region": "data.region",
    "paid_through_out_of_range": "data.paid_through",
    "self_link": "data.other",
    "unknown_card": "data.identity",
    "correction_of_correction": "data.corrects",
}
"""Refusal code → the field that the answer names."""

NOT_IN_CSV: Final = frozenset({"malformed_json", "correction_of_correction"})
"""A row is never broken JSON, and corrections come as JSON only."""


def as_sent(fact: dict[str, Any] | bytes) -> bytes:
    """Return the fact as it goes over the wire."""
    return fact if isinstance(fact, bytes) else json.dumps(fact).encode()


def csv_file(*facts: dict[str, Any]) -> str:
    """Return the facts as a CSV file that names every column."""
    text = io.StringIO()
    file = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    file.writeheader()
    file.writerows(_row(fact) for fact in facts)
    return text.getvalue()


def _row(fact: dict[str, Any]) -> dict[str, str]:
    data = dict(fact["data"])
    identity, other = data.pop("identity"), data.pop("other", {})
    return {
        **{name: fact[name] for name in ("id", "source", "time")},
        "type": fact["type"].split(".")[1],
        "scheme": identity["scheme"],
        "identity": identity["value"],
        **{f"other_{column}": other.get(name, "") for column, name in (("scheme", "scheme"), ("identity", "value"))},
        **{name: "|".join(value) if isinstance(value, list) else value for name, value in data.items()},
    }
