"""Every door by which a fact comes into the registry, over a store in memory: what each makes of the same events."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import quote

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from rich.console import Console

from services.registry.intake.commit import Intake
from services.registry.intake.fact_files import COLUMNS, column_of
from services.registry.intake.http.bulk import create_bulk_router
from services.registry.intake.http.facts import create_router
from services.registry.intake.http.in_flight import InFlight
from services.registry.intake.importing.chunks import FactFile
from services.registry.intake.importing.client import BulkClient
from services.registry.intake.importing.command import open_journal
from services.registry.intake.importing.run import import_facts
from services.registry.intake.kafka.facts import FactSink
from services.registry.intake.kafka.rejected import RejectedTopic
from services.registry.intake.regions import RegionCodes
from shared.adapters.http_api import Bearer
from shared.adapters.http_body import BodyGuard
from shared.adapters.http_problem import Problem
from shared.adapters.progress_bar import ProgressBar
from shared.contracts.rejections import Rejection
from shared.runtime.auth import Caller, TokenVerifier
from tests.fakes import ManualClock
from tests.fakes_registry import INTAKE_METRICS, PARSER, SECRETS, MemoryState, MemoryStore
from tests.records import STRUCTURED, binary, record

Event = dict[str, Any]
URL = "http://registry"
STRUCTURED_HTTP = "application/cloudevents+json"
NDJSON, CSV = "application/x-ndjson", "text/csv"
_HEADER_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class Verdict:
    """What became of a fact, and the first refusal. `field` is a column where the import command read CSV."""

    outcome: str
    code: str | None = None
    field: str | None = None


class _AnySource(frozenset[str]):
    def __contains__(self, _source: object) -> bool:
        return True


class _Anybody:
    async def verify(self, _token: str) -> Caller:
        return Caller("upstream", frozenset({"facts:write"}), _AnySource())


class _Rejections:
    def __init__(self) -> None:
        self.published: list[Rejection] = []

    async def publish(self, rejections: Sequence[Rejection]) -> None:
        self.published += rejections


class FactDoors:
    """A registry whose store is emptied before each door is tried. `said` is every text that came out of a door.

    Its `intake` must run.
    """

    def __init__(self) -> None:
        self.said = ""
        self._store, clock = MemoryStore(), ManualClock()
        self.intake = Intake(self._store, SECRETS, clock, INTAKE_METRICS)
        api = FastAPI()
        api.add_exception_handler(Problem, _answer)
        self._transport = httpx.ASGITransport(BodyGuard(api, timedelta(seconds=30)))
        for create in (create_router, create_bulk_router):
            bearer = Bearer(cast(TokenVerifier, _Anybody()))
            api.include_router(
                create(
                    parser=PARSER, intake=self.intake, bearer=bearer, clock=clock, metrics=INTAKE_METRICS,
                    in_flight=InFlight(10_000),
                )
            )  # fmt: skip
        self._rejections = _Rejections()
        self._sink = FactSink(PARSER, self.intake, cast(RejectedTopic, self._rejections), clock, INTAKE_METRICS)
        self.doors: Mapping[str, tuple[Callable[[Event], bool], Callable[[list[Event]], Awaitable[list[Verdict]]]]] = {
            "HTTP, structured": (_always, self._http_structured),
            "HTTP, binary": (_in_http_headers, self._http_binary),
            "bulk, NDJSON": (_always, self._ndjson),
            "bulk, CSV": (_in_csv, self._csv),
            "command, NDJSON": (_always, self._command_ndjson),
            "command, CSV": (_in_csv, self._command_csv),
            "Kafka, structured": (_always, self._kafka_structured),
            "Kafka, binary": (_in_headers, self._kafka_binary),
        }

    async def verdicts(self, door: str, events: list[Event]) -> dict[int, Verdict]:
        """Return what a door makes of the events that it can carry, by their place in the list."""
        carries, send = self.doors[door]
        places = [place for place, event in enumerate(events) if carries(event)]
        self._store.state = MemoryState()
        verdicts = await send([events[place] for place in places]) if places else []
        return dict(zip(places, verdicts, strict=True))

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Post with a token."""
        async with httpx.AsyncClient(transport=self._transport, base_url=URL) as http:
            answer = await http.post(path, content=body, headers=headers | {"authorization": "Bearer x"})
        self.said += answer.text
        return answer

    async def one(self, body: bytes, headers: dict[str, str]) -> Verdict:
        """Send one fact."""
        answer = await self.post("/v1/facts", body, headers)
        told = answer.json()
        if answer.is_success:
            return Verdict(told["outcome"])
        return Verdict("conflict" if answer.status_code == 409 else "refused", told["code"], told.get("field"))

    async def bulk(self, body: bytes, media_type: str) -> dict[int, Verdict]:
        """Send many facts; return each verdict by its line."""
        answer = await self.post("/v1/facts/bulk", body, {"content-type": media_type})
        assert answer.status_code == 200, answer.text
        return {
            told["line"]: Verdict(told["outcome"], told.get("code"), told.get("field"))
            for told in answer.json()["results"]
        }

    async def command(self, name: str, content: bytes) -> tuple[dict[str, int], dict[int, Verdict]]:
        """Import a file of this name; return how many had each outcome, and the verdict of refused lines by number."""
        with TemporaryDirectory() as folder:
            path, token = Path(folder) / name, Path(folder) / "token"
            path.write_bytes(content)
            token.write_text("x")
            file = FactFile.named(path, None)
            journal = open_journal(file, URL, RegionCodes.KEMENDAGRI, None)
            async with BulkClient(URL, token, RegionCodes.KEMENDAGRI, print, transport=self._transport) as client:
                outcomes = await import_facts(file, client, journal, ProgressBar(Console(quiet=True)))
            if not journal.refused_file.exists():
                return dict(outcomes), {}
            text = journal.refused_file.read_text()
        self.said += text
        rows = list(csv.DictReader(io.StringIO(text)))
        return dict(outcomes), {
            int(row["line"]): Verdict("refused", row["code"], row["column"].lstrip("'") or None) for row in rows
        }

    async def _http_structured(self, events: list[Event]) -> list[Verdict]:
        return [await self.one(json.dumps(event).encode(), {"content-type": STRUCTURED_HTTP}) for event in events]

    async def _http_binary(self, events: list[Event]) -> list[Verdict]:
        verdicts = []
        for event in events:
            named = {f"ce-{name}": quote(value, safe="/:+") for name, value in _attributes(event).items()}
            headers = named | {"content-type": "application/json"}
            verdicts.append(await self.one(json.dumps(event["data"]).encode(), headers))
        return verdicts

    async def _ndjson(self, events: list[Event]) -> list[Verdict]:
        return list((await self.bulk(ndjson(events), NDJSON)).values())

    async def _csv(self, events: list[Event]) -> list[Verdict]:
        return list((await self.bulk(csv_of(events)[0], CSV)).values())

    async def _command_ndjson(self, events: list[Event]) -> list[Verdict]:
        _, refused = await self.command("people.ndjson", ndjson(events))
        return [refused.get(line, Verdict("accepted")) for line in range(1, len(events) + 1)]

    async def _command_csv(self, events: list[Event]) -> list[Verdict]:
        content, begins = csv_of(events)
        _, refused = await self.command("people.csv", content)
        return [refused.get(line, Verdict("accepted")) for line in begins]

    async def _kafka_structured(self, events: list[Event]) -> list[Verdict]:
        return await self.kafka([(json.dumps(event).encode(), STRUCTURED) for event in events])

    async def _kafka_binary(self, events: list[Event]) -> list[Verdict]:
        return await self.kafka([binary(event) for event in events])

    async def kafka(self, values: Sequence[tuple[bytes | None, list[Any]]]) -> list[Verdict]:
        """Put records on the topic."""
        self._rejections.published.clear()
        await self._sink.assigned([0])
        await self._sink.apply(
            {0: [record(value, headers, offset=offset) for offset, (value, headers) in enumerate(values)]}
        )
        self.said += repr(self._rejections.published)
        told = {one.offset: Verdict("refused", one.code, one.field) for one in self._rejections.published}
        return [told.get(offset, Verdict("accepted")) for offset in range(len(values))]


def as_column(verdict: Verdict) -> Verdict:
    """Return the verdict as the import command gives it of CSV."""
    return Verdict(verdict.outcome, verdict.code, column_of(verdict.field))


async def _answer(_request: Request, problem: Exception) -> JSONResponse:
    return cast(Problem, problem).response()


def ndjson(events: Sequence[Event]) -> bytes:
    """Return the events as lines."""
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def csv_of(events: Sequence[Event]) -> tuple[bytes, list[int]]:
    """Return the events as a CSV file, and the line where each begins."""
    text, begins = io.StringIO(), []
    file = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    file.writeheader()
    for event in events:
        begins.append(len(re.findall(r"\r\n|\r|\n", text.getvalue())) + 1)
        file.writerow(_cells(event))
    return text.getvalue().encode(), begins


def _cells(event: Event) -> dict[str, str]:
    data = dict(event["data"])
    who = {prefix: data.pop(name, {}) for name, prefix in (("identity", ""), ("other", "other_"))}
    cells = {name: event[name] for name in ("id", "source", "time") if event.get(name) is not None}
    cells |= {"type": event["type"].removeprefix("cakupan.").removesuffix(".v1")} if event.get("type") else {}
    cells |= {name: "|".join(value) if isinstance(value, list) else value for name, value in data.items()}
    for prefix, identity in who.items():
        names = (("scheme", "scheme"), ("identity", "value"))
        cells |= {f"{prefix}{column}": identity[name] for column, name in names if name in identity}
    return cells


def _attributes(event: Event) -> dict[str, str]:
    return {name: value for name, value in event.items() if name != "data" and value is not None}


def _always(_event: Event) -> bool:
    return True


def _in_headers(event: Event) -> bool:
    """Say whether headers can hold the attributes: texts, under names that have no capitals."""
    named = _attributes(event)
    return (
        "data" in event
        and "specversion" in named
        and all(isinstance(value, str) and _HEADER_NAME.fullmatch(name) for name, value in named.items())
    )


def _in_http_headers(event: Event) -> bool:
    return _in_headers(event) and sum(len(quote(value)) for value in _attributes(event).values()) < 8_000


def _in_csv(event: Event) -> bool:
    """Say whether a row can hold the event: no empty value, no blank at an end, no name but the columns'."""
    named, data = _attributes(event), event.get("data")
    type_ = named.pop("type", "cakupan.x.v1")
    if named.pop("specversion", None) != "1.0" or not named.keys() <= {"id", "source", "time"}:
        return False
    if not isinstance(type_, str) or not re.fullmatch(r"cakupan\.[^.]+\.v1", type_) or "corrected" in type_:
        return False
    if not isinstance(data, dict) or not data.keys() <= {"identity", "other", *COLUMNS[6:13]}:
        return False
    texts = [*named.values()]
    for name, value in data.items():
        if name in ("identity", "other"):
            if not isinstance(value, dict) or not value or not value.keys() <= {"scheme", "value"}:
                return False
            texts += value.values()
        elif name in ("groups", "programmes"):
            if not isinstance(value, list) or not value or any("|" in str(word) for word in value):
                return False
            texts += value
        else:
            texts.append(value)
    return all(isinstance(text, str) and text and text == text.strip() and "\x00" not in text for text in texts)
