"""Imports on the real store: files in, rows decided, what was rejected, who may see it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.adapters.mongo import Mongo
from tests.factories_registry import NIK, VILLAGE, event
from tests.integration.registry.serving import Registry
from tests.integration.shared.serving import connection
from tests.serving import listening, served
from tests.tokens import Issuer
from tests.waiting import eventually

NDJSON = "application/x-ndjson"
CSV = "text/csv"
HEADER = "id,source,type,time,scheme,identity,region,segment,reason"
ENDED = {"done", "cancelled", "failed"}


def row(n: int, **over: str) -> str:
    """Return the CSV row of person n's enrolment; `over` replaces columns."""
    values = {
        "id": f"c-{n}", "source": "bpjs/aceh", "type": "enrolled", "time": "2026-09-30T08:00:00+07:00",
        "scheme": "nik", "identity": f"{NIK[:12]}{n:04d}", "region": VILLAGE, "segment": "BPU", "reason": "",
    }  # fmt: skip
    return ",".join((values | over).values())


def rows(count: int) -> str:
    """Return a file of so many people."""
    return "\n".join([HEADER, *(row(n) for n in range(count))]) + "\n"


async def send(
    registry: Registry, body: str | bytes | AsyncIterator[bytes], media_type: str = CSV, query: str = "", **headers: str
) -> httpx.Response:
    """Upload a file with the usual token."""
    usual = {"content-type": media_type, "authorization": f"Bearer {registry.token}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await registry.http.post(f"/v1/imports{query}", content=body, headers=usual | named)


async def get(registry: Registry, path: str, token: str = "") -> httpx.Response:
    """Get something about imports."""
    headers = {"authorization": f"Bearer {token or registry.token}"}
    return await registry.http.get(f"/v1/imports{path}", headers=headers)


async def ended(registry: Registry, answer: httpx.Response) -> dict[str, Any]:
    """Return the import once it has ended."""
    assert answer.status_code in (200, 202), answer.text

    async def look() -> dict[str, Any] | None:
        job: dict[str, Any] = (await get(registry, f"/{answer.json()['id']}")).json()
        return job if job["state"] in ENDED else None

    job = await eventually(look)
    assert job is not None
    return job


async def rejected(registry: Registry, job: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return line, id and code of each rejected line."""
    answer = await registry.http.get(job["rejected"], headers={"authorization": f"Bearer {registry.token}"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert NIK[:11] not in answer.text
    return [(one["line"], one["id"], one["code"]) for one in csv.DictReader(io.StringIO(answer.text))]


async def test_a_csv_file_is_imported_and_its_bad_rows_are_told_by_line(registry: Registry) -> None:
    """Bad rows in the middle: each is rejected alone, under the line at which it begins; all others count."""
    bad = [
        row(1, identity='"1,10101E+15"'),
        row(2, region="99.01"),
        row(3, source="bpjs/kalsel"),
        row(4) + ",too,many",
        row(5, reason='"two\nlines"', type="ended", region="", segment=""),
        row(6, reason='"broken" quote'),
        row(7, reason="caf\udce9"),
        row(0, segment="PU"),
        row(0),
    ]
    text = "\ufeff" + rows(1) + "\r\n" + "\r\n".join(bad) + "\r\n\r\n" + row(8)
    answer = await send(registry, text.encode(errors="surrogateescape"))
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/imports/{answer.json()['id']}"
    job = await ended(registry, answer)
    assert (job["state"], job["bytes_done"], job["lines"]) == ("done", job["bytes"], 11)
    assert job["outcomes"] == {"accepted": 3, "duplicate": 1, "repeated": 0, "conflict": 1, "refused": 6}
    assert await rejected(registry, job) == [
        ("4", "", "malformed_identity"),
        ("5", "c-2", "unknown_region"),
        ("6", "c-3", "source_not_allowed"),
        ("7", "", "malformed_field"),
        ("10", "", "malformed_field"),
        ("11", "", "malformed_field"),
        ("12", "c-0", "conflict"),
    ]


async def test_ndjson_with_bps_regions_packed_as_gzip(registry: Registry) -> None:
    """Unpacked as it comes, read as the sender says; sent again under its key it is the same import."""
    people = [
        event(id=f"f-{n}", data={"identity": {"scheme": "nik", "value": f"{NIK[:12]}{n:04d}"}, "region": "1101"})
        for n in range(2000)
    ]
    lines = [json.dumps(one) for one in people]
    lines[1000] = '{"broken'
    packed = gzip.compress("\n".join(lines[:999]).encode() + b"\n") + gzip.compress("\n".join(lines[999:]).encode())
    once = {"content_encoding": "gzip", "idempotency_key": "k1"}
    answer = await send(registry, packed, NDJSON, "?region_codes=bps", **once)
    job = await ended(registry, answer)
    assert (job["state"], job["format"], job["region_codes"]) == ("done", "ndjson", "bps")
    assert (job["outcomes"]["accepted"], await rejected(registry, job)) == (1999, [("1001", "", "malformed_json")])
    again = await send(registry, packed, NDJSON, "?region_codes=bps", **once)
    assert (again.status_code, again.json()) == (200, job)
    otherwise = await send(registry, packed, NDJSON, **once)
    assert (otherwise.status_code, otherwise.json()["code"]) == (409, "key_taken")
    assert (await get(registry, "?key=k1")).json() == {"items": [job], "next": None}


async def test_imports_are_seen_by_their_sender_alone_page_by_page(registry: Registry, issuer: Issuer) -> None:
    """Another caller finds neither the import nor its rejected rows, and cannot cancel it."""
    ids = [(await ended(registry, await send(registry, rows(n))))["id"] for n in range(3)]
    first = (await get(registry, "?limit=2")).json()
    second = (await get(registry, f"?limit=2&cursor={first['next']}")).json()
    assert [job["id"] for job in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None
    stranger = issuer.token(sub="stranger")
    assert (await get(registry, "", stranger)).json()["items"] == []
    for path in (f"/{ids[0]}", f"/{ids[0]}/rejected.csv"):
        answer = await get(registry, path, stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_import")
    headers = {"authorization": f"Bearer {stranger}"}
    assert (await registry.http.post(f"/v1/imports/{ids[0]}/cancel", headers=headers)).status_code == 404


async def test_a_cancelled_import_stops_and_keeps_what_it_stored(registry: Registry) -> None:
    """Its file is gone; cancelled once more it says that there is nothing to cancel."""
    answer = await send(registry, rows(9000))
    cancel = f"/v1/imports/{answer.json()['id']}/cancel"
    headers = {"authorization": f"Bearer {registry.token}"}
    assert (await registry.http.post(cancel, headers=headers)).status_code == 202
    job = await ended(registry, answer)
    assert job["state"] == "cancelled"
    assert job["lines"] < 9000
    again = await registry.http.post(cancel, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "not_running")


@pytest.mark.parametrize(
    ("body", "media_type", "headers", "status", "code"),
    [
        (b"id;source\n", CSV, {}, 422, "malformed_csv"),
        (b"", CSV, {}, 422, "malformed_csv"),
        (b"{}", "application/json", {}, 415, "unsupported_media_type"),
        (b"{}", NDJSON, {"content_encoding": "br"}, 415, "unsupported_encoding"),
        (b"{}", NDJSON, {"content_encoding": "gzip"}, 422, "malformed_encoding"),
        (gzip.compress(b"{}", mtime=0)[:-4], NDJSON, {"content_encoding": "gzip"}, 422, "malformed_encoding"),
        (gzip.compress(b" " * 5_000_000, mtime=0), NDJSON, {"content_encoding": "gzip"}, 413, "too_large"),
        (b"{}", NDJSON, {"idempotency_key": "k" * 256}, 422, "malformed_request"),
        (b"{}", NDJSON, {"authorization": "Bearer abc"}, 401, "unauthorised"),
    ],
)
async def test_a_file_that_is_not_taken_leaves_nothing(
    registry: Registry, mongo: Mongo, body: bytes, media_type: str, headers: dict[str, str], status: int, code: str
) -> None:
    """A problem that says what to do; no block of the file is kept."""
    answer = await send(registry, body, media_type, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await mongo["uploads.chunks"].count_documents({}) == 0


@pytest.fixture
def mongo(settings: RegistrySettings) -> Iterator[Mongo]:
    """The registry's own database."""
    opened = Mongo(settings.mongodb_uri, settings.database("registry"), "looking-on")
    yield opened
    opened.close()


async def test_a_body_that_stops_half_way_is_forgotten(
    settings: RegistrySettings, issuer: Issuer, mongo: Mongo
) -> None:
    """Neither a file nor an import that runs is left; the sender may send it again."""
    async with listening(build(settings)) as url, httpx.AsyncClient(base_url=url) as http:
        registry = Registry(http, issuer.token(), "", "")
        head = (
            f"POST /v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {registry.token}\r\n"
            f"Content-Type: text/csv\r\nContent-Length: 9000000\r\n\r\n"
        )
        async with connection(url) as half:
            await half.say(head.encode() + rows(30_000).encode())
            assert await eventually(lambda: mongo["uploads.chunks"].count_documents({}))

        async def gone() -> bool:
            states = [job["state"] for job in (await get(registry, "")).json()["items"]]
            return states == ["failed"] and await mongo["uploads.chunks"].count_documents({}) == 0

        assert await eventually(gone)


async def test_a_file_over_the_limit_is_told_by_its_length_or_as_it_comes(
    settings: RegistrySettings, issuer: Issuer, mongo: Mongo
) -> None:
    """Nothing of it is kept."""

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1_000_000

    small = settings.model_copy(update={"import_max_bytes": 2_000_000})
    async with served(build(small)) as http:
        registry = Registry(http, issuer.token(), "", "")
        for body in (b"x" * 2_000_001, unannounced()):
            answer = await send(registry, body, NDJSON)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await mongo["uploads.chunks"].count_documents({}) == 0


async def test_too_many_unfinished_imports_of_one_caller_are_sent_back(registry: Registry, mongo: Mongo) -> None:
    """With when to come back; another caller's do not count."""
    for _ in range(4):
        await mongo["imports"].insert_one({"subject": "upstream", "state": "uploading", "moved_at": None})
    answer = await send(registry, rows(1))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "too_many_imports", "10")
    await mongo["imports"].update_many({}, {"$set": {"subject": "other"}})
    assert (await send(registry, rows(1))).status_code == 202


async def test_nothing_stored_of_an_ended_import_holds_an_identity(registry: Registry, mongo: Mongo) -> None:
    """Jobs and rejected rows are kept for a week; the file, with all its identities, is gone at once."""
    text = "\n".join([HEADER, row(1), row(2, id=NIK, region="99.01"), row(3, segment=NIK), row(4, type=NIK)])
    job = await ended(registry, await send(registry, text))
    assert job["outcomes"]["refused"] == 3
    kept = [doc for name in ("imports", "import_rejected") for doc in await mongo[name].find({}).to_list(None)]
    assert len(kept) == 2
    assert NIK[:11] not in repr(kept)

    async def file_gone() -> bool:
        left = [await mongo[name].count_documents({}) for name in ("uploads.chunks", "uploads.files")]
        return left == [0, 0]

    assert await eventually(file_gone)
