"""Many facts in one request, on the real store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.factories_registry import NIK, VILLAGE, event
from tests.integration.registry.serving import Registry

NDJSON = "application/x-ndjson"
CSV = "text/csv"
HEADER = "id,source,type,time,scheme,identity,region,segment,groups,paid_through,other_scheme,other_identity"
ROW = f"c-1,bpjs/aceh,enrolled,2026-09-30T08:00:00+07:00,nik,{NIK},{VILLAGE},BPU,vulnerable|non_asn,2026-12,,"


def lines(events: Sequence[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(one) for one in events)


def told(answer: httpx.Response) -> list[tuple[str, str | None]]:
    assert answer.status_code == 200, answer.text
    return [(line["outcome"], line.get("code")) for line in answer.json()["results"]]


async def test_each_line_has_its_result_in_order(registry: Registry) -> None:
    """A broken middle line is refused alone; duplicates and conflicts are told within one request."""
    body = "\n".join(
        [
            lines([event()]), '{"broken', lines([event(id="f-2", data={"region": "99.01"})]),
            lines([event(), event(data={"segment": "PU"}), event(id="f-3", source="bpjs/kalsel")]),
        ]
    )  # fmt: skip
    answer = await registry.bulk(body, NDJSON)
    assert told(answer) == [
        ("accepted", None),
        ("refused", "malformed_json"),
        ("refused", "unknown_region"),
        ("duplicate", None),
        ("conflict", "conflict"),
        ("refused", "source_not_allowed"),
    ]
    assert answer.json()["errors"] is True
    assert [line["line"] for line in answer.json()["results"]] == [1, 2, 3, 4, 5, 6]


async def test_three_thousand_lines_are_counted_once_each(registry: Registry) -> None:
    """More than one group commit; sent again, all are duplicates and there is no error."""
    people = [
        event(id=f"f-{n}", data={"identity": {"scheme": "nik", "value": f"{NIK[:12]}{n:04d}"}}) for n in range(3000)
    ]
    first, again = [await registry.bulk(lines(people), NDJSON) for _ in range(2)]
    assert set(told(first)) == {("accepted", None)}
    assert (set(told(again)), again.json()["errors"]) == ({("duplicate", None)}, False)
    assert len(await registry.published(3000)) == 3000


async def test_a_csv_row_is_the_same_fact_as_its_json(registry: Registry) -> None:
    """With or without a BOM, with Windows line ends."""
    as_json = event(id="c-1", data={"groups": ["non_asn", "vulnerable"], "paid_through": "2026-12"})
    first = await registry.bulk(lines([as_json]), NDJSON)
    second = await registry.bulk(f"\ufeff{HEADER}\r\n{ROW}\r\n", CSV)
    assert (told(first), told(second)) == ([("accepted", None)], [("duplicate", None)])


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (NIK, "1,10101E+15", "malformed_field"),
        ("enrolled", "corrected", "unknown_type"),
        (VILLAGE, '"11.01\n.02"', "unknown_region"),
        ("c-1,bpjs/aceh", "c-1,bpjs/kalsel", "source_not_allowed"),
        ("BPU", '"BPU"x', "malformed_field"),
    ],
)
async def test_a_bad_row_is_refused_with_its_code_and_never_quotes_the_identity(
    registry: Registry, old: str, new: str, code: str
) -> None:
    """An unquoted comma, a correction, a quoted newline, another's source, a stray quote.

    Only a row can have these faults; `test_bad_input` sends the others.
    """
    answer = await registry.bulk(f"{HEADER}\n{ROW.replace(old, new)}\n{ROW}\n", CSV)
    assert told(answer) == [("refused", code), ("accepted", None)]
    assert NIK[:11] not in answer.text


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        ("x", "application/json", 415, "unsupported_media_type"),
        ("{}\n" * 10_001, NDJSON, 413, "too_large"),
        ("\n".join([HEADER, *["x"] * 10_001]), CSV, 413, "too_large"),
        (b"x" * (8 * 1024 * 1024 + 1), NDJSON, 413, "too_large"),
    ],
)
async def test_what_cannot_be_read_as_a_whole_is_refused_as_a_whole(
    lasting_registry: Registry, body: str | bytes, media_type: str, status: int, code: str
) -> None:
    """With one problem that says what to do, and nothing stored."""
    answer = await lasting_registry.bulk(body, media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
