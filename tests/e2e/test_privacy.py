"""Marked identities go through everything there is, bad input and a broken database too; then all of it is searched."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e import marks
from tests.e2e.entrances import ENTRANCES, Entrance, Fact, all_taken_from_kafka
from tests.e2e.evidence import evidence
from tests.e2e.world import World, enrolled
from tests.waiting import eventually

NIK = {"scheme": "nik", "value": marks.NIK}
OTHER = {"scheme": "nik", "value": marks.OTHER_NIK}
CARD = {"scheme": "kpj", "value": marks.KPJ}
PASSPORT = {"scheme": "passport", "value": marks.PASSPORT}
NUMERIC = {"scheme": "passport", "value": marks.NUMERIC_PASSPORT}
ALERTED = "12.01"
"""A regency in a province whose governor hears of the rise to 40 %."""
MISPLACED = (marks.MISPLACED_NIK, marks.MISPLACED_PASSPORT)


@dataclass
class Played:
    """What was answered to all that was sent."""

    answers: dict[str, bytes] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)

    def note(self, what: str, answer: httpx.Response | None) -> None:
        """Keep an answer's headers and body, without the id and source by which a sender finds its own fact again."""
        if answer is None:
            return
        body = answer.text
        if "json" in answer.headers.get("content-type", ""):
            content = answer.json()
            for line in content.get("results", [content]):
                self.outcomes |= {str(line.get(name)) for name in ("code", "outcome")}
                line.pop("id", None)
                line.pop("source", None)
            body = json.dumps(content)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.answers[f"answer {len(self.answers)} to {what}"] = f"{answer.status_code}\n{head}\n{body}".encode()


@pytest.fixture(scope="module")
async def played(world: World) -> Played:
    """Everything, in one run."""
    played = Played()
    await _alert(world)
    for name, entrance in ENTRANCES.items():
        await _good(world, played, name, entrance)
        await _bad(world, played, name, entrance)
    await _erasures(world, played)
    await _requests(world, played)
    await _bodies(world, played)
    await _without_mongodb(world, played)
    await _all_is_counted(world)
    return played


@pytest.fixture(scope="module")
async def found(world: World, played: Played) -> dict[str, bytes]:
    """What the stack has written and kept by then."""
    return await evidence(world)


async def _alert(world: World) -> None:
    """Enrol somebody who lifts a province over 40 %: an alert, a delivery and a mail come of it."""
    potential = "region,basis,valid_from,value,source,definition\n12,workers,2023-01-01,1,test,one worker\n"
    csv = {"content-type": "text/csv"}
    loaded = await world.request("PUT", "coverage", "/v1/potentials", "operator", content=potential, headers=csv)
    assert loaded.is_success, loaded.text
    assert (await world.post(enrolled(marks.OTHER_NIK, region=ALERTED))).status_code == 202

    async def arrived() -> bool:
        return bool(world.mails("gubernur.sumut@example.id"))

    await eventually(arrived)


def _said(type_: str, **data: Any) -> Fact:
    return {**enrolled(marks.NIK), "type": f"cakupan.{type_}.v1", "data": data}


async def _good(world: World, played: Played, name: str, entrance: Entrance) -> None:
    """Send what is taken, known, in conflict, linked and corrected; a card before and after it is linked."""
    first = enrolled(marks.NIK)
    other_content = deepcopy(first) | {"data": first["data"] | {"segment": "PU"}}
    same_link = _said("linked", identity=NIK, other=CARD)
    by_passport = enrolled(marks.NIK) | {"data": first["data"] | {"identity": PASSPORT}}
    numeric = enrolled(marks.NIK) | {"data": first["data"] | {"identity": NUMERIC}}
    moved = {"data": first["data"] | {"identity": OTHER}}
    for what, fact in {
        "enrolled": first, "again": first, "other content": other_content,
        "unlinked card": _said("contribution_paid", identity=CARD, paid_through="2026-12"), "linked": same_link,
        "paid by card": _said("contribution_paid", identity=CARD, paid_through="2026-12"),
        "by passport": by_passport, "by a passport of digits": numeric,
        "relocated": _said("relocated", identity=PASSPORT, region="51.03.01.1002"),
        "corrected": _said("corrected", corrects=first["id"], type="enrolled", replacement=moved),
        "ended": _said("ended", identity=NIK, reason="left"),
        "an id that is a nik": enrolled(marks.NIK) | {"id": f"{marks.NIK_AS_ID}-{name}"},
    }.items():  # fmt: skip
        played.note(f"{what} by {name}", await entrance(world, fact))


def _spoilt() -> Iterator[tuple[str, Fact]]:
    """Yield facts that are refused, each with a mark where none belongs, and one for each refusal of an identity."""
    for mark in MISPLACED:
        for name in ("region", "segment", "payer", "paid_through"):
            yield name, _with(**{name: mark})
        yield "a number", _with(region=int(mark) if mark.isdigit() else 1)
        yield "a list", _with(groups=[mark], programmes=[mark])
        yield "a field of the data", _with(**{mark: 1})
        yield "data", enrolled(marks.NIK) | {"data": mark}
        for name in ("source", "type", "time", "specversion"):
            yield name, enrolled(marks.NIK) | {name: mark}
        yield "id", _with(region="99") | {"id": mark}
        yield "id and source", enrolled(marks.NIK) | {"id": mark, "source": mark}
        yield "extension", enrolled(marks.NIK) | {mark.lower(): 1.5}
        yield "replacement", _said("corrected", corrects=mark, type=mark, replacement={"data": {"region": mark}})
        yield "reason", _said("ended", identity=NIK, reason=[mark])
        yield "scheme and value", _with(identity={"scheme": mark, "value": "nik"})
        yield "an identity that is no object", _with(identity=mark)
        yield "a field of the identity", _with(identity={**NIK, mark: mark})
        for scheme in ("nik", "kpj", "passport", "sim"):
            yield f"a bad {scheme}", _with(identity={"scheme": scheme, "value": f"{mark}-"})
    yield "a nik as a number", _with(identity={"scheme": "nik", "value": int(marks.NIK)})
    yield "a missing field", _with(segment=...)
    yield "not eligible", _with(programmes=["JP"])
    yield "paid too far", _with(paid_through="2099-12")
    yield "too early", enrolled(marks.NIK) | {"time": "1970-01-01"}
    yield "too large", enrolled(marks.NIK) | {"extension": marks.MISPLACED_NIK * 5000}
    yield "self link", _said("linked", identity=NIK, other=NIK)
    yield "correction of a correction", _said("corrected", corrects="x", type="corrected", void=True)


def _with(**data: Any) -> Fact:
    fact = enrolled(marks.NIK)
    fact["data"] = {name: value for name, value in (fact["data"] | data).items() if value is not ...}
    return fact


async def _bad(world: World, played: Played, name: str, entrance: Entrance) -> None:
    facts = [
        (what, fact)
        for what, fact in _spoilt()
        if (name != "csv" or isinstance(fact["data"], dict)) and (name != "kafka" or _is_refused(fact))
    ]
    for what, answer in await asyncio.gather(*(_sent(world, what, entrance, fact, 60) for what, fact in facts)):
        played.note(f"{what} by {name}", answer)


def _is_refused(fact: Fact) -> bool:
    """Say whether a source is refused that no token limits: a number is, letters and few digits may be a system."""
    return bool(fact["source"] != marks.MISPLACED_PASSPORT)


async def _sent(
    world: World, what: str, entrance: Entrance, fact: Fact, within_s: float = 5
) -> tuple[str, httpx.Response | None]:
    """Return the answer; None where there is none, as to a header of 80 kB, or not in time."""
    try:
        return what, await asyncio.wait_for(entrance(world, fact), within_s)
    except (httpx.HTTPError, TimeoutError, AssertionError):
        return what, None


async def _erasures(world: World, played: Played) -> None:
    """Ask for erasure wrongly, without the right, too early, and rightly."""
    bodies: list[Any] = [
        {"identity": {"scheme": "nik", "value": f"{marks.NIK}1"}}, {"identity": marks.NIK}, {marks.NIK: NIK},
        {"identity": PASSPORT, marks.MISPLACED_PASSPORT: 1}, {"identity": {"scheme": marks.PASSPORT, "value": "x"}},
        {"identity": PASSPORT}, {"identity": PASSPORT, "force": True}, {"identity": PASSPORT},
        {"identity": CARD, "force": True}, {"identity": NUMERIC}, {"identity": NUMERIC, "force": True},
    ]  # fmt: skip
    for token in ("upstream", "operator"):
        for body in bodies:
            played.note("erase", await world.request("POST", "registry", "/v1/participants/erase", token, json=body))
    played.note("enrolled anew", await ENTRANCES["single"](world, enrolled(marks.NIK)))


async def _requests(world: World, played: Played) -> None:
    """Put marks into paths, queries, headers and what is no HTTP at all, at every service."""
    for service in ("registry", "coverage", "notifier"):
        for mark in MISPLACED:
            for path in (f"v1/{mark}", f"v1/regions/{mark}", f"v1/alerts/{mark}", f"v1/facts/?q={mark}",
                         f"v1/regions/11?as_of={mark}&limit={mark}", f"v1/alerts?region={mark}&cursor={mark}",
                         f"v1/potentials?basis={mark}&limit={mark}", f"health/live?{mark}={mark}"):  # fmt: skip
                for method, token, given in (
                    ("GET", "", {}),
                    ("GET", "operator", {"headers": {"x-request-id": mark}}),
                    ("POST", "", {"headers": {"traceparent": mark}, "json": {mark: 1}}),
                ):
                    played.note(path, await world.request(method, service, f"/{path}", token, **given))
            for value in (f"Bearer {mark}", mark):
                answer = await world.request("POST", service, "/v1/facts", headers={"authorization": value})
                played.note("authorization", answer)
        await _no_http(world.config.url(service))


async def _bodies(world: World, played: Played) -> None:
    """Send marks in bodies that cannot be read: broken, of another type, tables without a header or badly divided."""
    row = f"x,{marks.MISPLACED_NIK},{marks.MISPLACED_PASSPORT},{marks.NUMERIC_PASSPORT}"
    for path, media_type, body in (
        ("facts", "application/json", f'{{"data": "{marks.NIK}'),
        ("facts", "application/json", f'["{marks.NIK}", "{marks.PASSPORT}"]'),
        ("facts", "text/plain", marks.NIK),
        ("facts/bulk", "application/x-ndjson", f'{{"id": "{marks.MISPLACED_NIK}\n"{marks.PASSPORT}"'),
        ("facts/bulk", "text/csv", f"{row}\n{row}\n"),
        ("facts/bulk", "text/csv", f"id,identity\n{row}\n"),
        ("facts/bulk", "text/csv", f"id,identity\n{row.replace(',', ';')}\n"),
        ("facts/bulk", "text/csv", f'id,identity\n1,"{marks.NIK}'),
        ("facts/bulk", marks.MISPLACED_NIK, row),
    ):
        headers = {"content-type": media_type}
        answer = await world.request("POST", "registry", f"/v1/{path}", "upstream", content=body, headers=headers)
        played.note(f"{media_type} to {path}", answer)


async def _no_http(base: str) -> None:
    there = urlsplit(base)
    reader, writer = await asyncio.open_connection(there.hostname, there.port)
    writer.write(f"{marks.MISPLACED_NIK} {marks.MISPLACED_PASSPORT}\r\n\r\n".encode())
    await reader.read()
    writer.close()


async def _without_mongodb(world: World, played: Played) -> None:
    """Cut MongoDB off while facts are on their way, and mend it."""
    on_their_way = [
        asyncio.create_task(_sent(world, f"cut off, by {name}", entrance, enrolled(marks.NIK)))
        for name, entrance in ENTRANCES.items()
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    world.mongodb_line.cut()
    for what, answer in await asyncio.gather(*on_their_way):
        played.note(what, answer)
    assert not await _ready(world)
    world.mongodb_line.mend()
    await eventually(lambda: _ready(world), within_s=60)


async def _ready(world: World) -> bool:
    return (await world.request("GET", "registry", "/health/ready")).is_success


async def _all_is_counted(world: World) -> None:
    """Wait until the registry has read all facts, and coverage has counted what it has published."""
    await eventually(lambda: all_taken_from_kafka(world), within_s=60)

    async def counted() -> bool:
        return bool((await world.region("51.03"))["registered"])

    await eventually(counted, within_s=60)


async def test_everything_was_played(played: Played) -> None:
    """Every refusal and each kind of answer: an absence proves nothing of what was not tried."""
    expected = {
        "accepted", "duplicate", "conflict", "refused", "erased", "still_registered",
        "unknown_identity", "scope_missing", "unauthorised", "not_found", "too_large", "malformed_json",
        "unknown_type", "missing_field", "unknown_field", "malformed_field", "time_out_of_range", "unknown_scheme",
        "malformed_identity", "unknown_segment", "unknown_group", "unknown_payer", "programme_not_eligible",
        "unknown_region", "paid_through_out_of_range", "self_link", "unknown_card", "correction_of_correction",
        "source_not_allowed", "malformed_csv",
    }  # fmt: skip
    assert expected - played.outcomes == set()


async def test_no_answer_holds_an_identity(played: Played) -> None:
    """Neither its body nor its headers; a sender's own id and source are given back, and nothing else."""
    assert marks.leaks(played.answers, (*marks.SECRET, marks.NIK_AS_ID)) == []


async def test_nothing_written_or_kept_holds_an_identity(found: dict[str, bytes]) -> None:
    """Logs, metrics, every record of every topic, dead letters, every document of every database, mails."""
    kept = " ".join(found)
    for kind in (
        "log of registry",
        "metrics of notifier",
        "mail ",
        "enrollment.changed.v1/",
        "coverage.updated.v1/",
        "_registry.erasures",
        "_registry.identities",
    ):
        assert kind in kept
    assert marks.leaks(found) == []


async def test_an_id_that_is_a_nik_stays_with_the_fact_it_names(found: dict[str, bytes]) -> None:
    """The registry keeps it as the fact's key; no log, metric, topic or other service has it."""
    elsewhere = {place: text for place, text in found.items() if "_registry." not in place}
    assert marks.leaks(elsewhere, (marks.NIK_AS_ID,)) == []


async def test_a_crash_leaves_no_core(world: World) -> None:
    """A dump of the registry's memory would hold the keys, and whatever was in flight."""
    limits = Path(f"/proc/{world.stack.pid('registry')}/limits").read_text()  # noqa: ASYNC240 - no real file
    assert re.search(r"Max core file size +0 +0 ", limits)


def test_the_search_would_find_a_mark() -> None:
    """In each of the shapes it looks for."""
    for mark in (*marks.SECRET, marks.NIK_AS_ID):
        for shape, needle in marks.shapes(mark).items():
            assert len(needle) >= 6, shape
            assert marks.leaks({"here": b"before" + needle + b"after"}, (mark,))


def test_a_mark_in_base64_is_found_wherever_it_begins() -> None:
    """Whatever stands before and after it."""
    for before in range(6):
        text = base64.b64encode(b"x" * before + marks.NIK.encode() + uuid.uuid4().bytes)
        assert marks.leaks({"here": text}, (marks.NIK,))
