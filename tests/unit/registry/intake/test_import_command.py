"""The import against a scripted registry: what it sends, survives, writes down and exits with."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from services.registry.intake.importing import command
from services.registry.intake.importing.chunks import FactFile
from services.registry.intake.importing.client import PATIENCE, BulkClient
from services.registry.intake.importing.journal import Journal
from services.registry.intake.importing.run import import_facts
from services.registry.intake.regions import RegionCodes
from shared.adapters.progress_bar import ProgressBar
from shared.runtime.errors import PermanentError, TransientError
from tests.factories_registry import raw

Fact = dict[str, Any]
Line = dict[str, Any]


class Killed(BaseException):
    """The command dies."""


@dataclass
class ScriptedRegistry:
    """A bulk route that knows facts by id. It first gives the answers in `before`; an exception is a lost connection.

    `judge` gives the line of a fact that is neither accepted nor known.
    """

    before: list[httpx.Response | Exception] = field(default_factory=list)
    judge: Callable[[Fact], Line | None] = lambda _: None
    known: set[str] = field(default_factory=set)
    requests: list[httpx.Request] = field(default_factory=list)
    dies_after: int | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.dies_after is not None and len(self.requests) > self.dies_after:
            raise Killed
        if self.before:
            answer = self.before.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        facts = [json.loads(line) for line in gzip.decompress(request.read()).splitlines() if line]
        results = [self._line(fact) for fact in facts]
        return httpx.Response(200, json={"errors": False, "warnings": self.warnings, "results": results})

    def _line(self, fact: Fact) -> Line:
        named = {"source": fact["source"], "id": fact["id"]}
        refused = self.judge(fact)
        if refused is not None:
            return named | refused
        outcome = "duplicate" if fact["id"] in self.known else "accepted"
        self.known.add(fact["id"])
        return named | {"outcome": outcome}


@dataclass
class Desk:
    """A folder with a token and a file of so many facts, and a clock that sleeping moves."""

    folder: Path
    registry: ScriptedRegistry
    facts: int = 3
    now: float = 0.0
    waits: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file, self.token = self.folder / "people.ndjson", self.folder / "token"
        self.refused = self.folder / "people.ndjson.rejected.csv"
        self.state = self.folder / "people.ndjson.import-state"
        self.token.write_text("t1\n")
        self.file.write_bytes(b"\n".join(raw(id=f"f-{n}") for n in range(1, self.facts + 1)))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def journal(self, codes: RegionCodes = RegionCodes.KEMENDAGRI) -> Journal:
        return command.open_journal(FactFile.named(self.file, None), "http://registry", codes, None)

    async def run(self) -> dict[str, int]:
        async with BulkClient(
            "http://registry", self.token, RegionCodes.BPS, self.waits.append, self.sleep, lambda: self.now,
            httpx.MockTransport(self.registry),
        ) as client:  # fmt: skip
            progress = ProgressBar(Console(quiet=True))
            outcomes = await import_facts(FactFile.named(self.file, None), client, self.journal(), progress)
            self.warned = list(client.warnings)
            return dict(outcomes)

    def refused_lines(self) -> list[list[str]]:
        with self.refused.open(newline="") as file:
            return list(csv.reader(file))


def problem(status: int, detail: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"detail": detail}, headers={"Retry-After": "7", **headers})


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two facts a request."""
    monkeypatch.setattr("services.registry.intake.importing.chunks.CHUNK_FACTS", 2)


async def test_a_file_is_sent_and_counted_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Packed, with token and region codes; where nothing was refused there is no file of refused lines."""
    desk = Desk(tmp_path, ScriptedRegistry(), facts=5)
    desk.refused.write_text("of an earlier import")
    assert await desk.run() == {"accepted": 5}
    request = desk.registry.requests[0]
    assert (request.url.path, request.url.params["region_codes"]) == ("/v1/facts/bulk", "bps")
    assert (request.headers["authorization"], request.headers["content-type"]) == ("Bearer t1", "application/x-ndjson")
    assert len(desk.registry.requests) == 3
    assert not desk.refused.exists()
    assert not desk.state.exists()


async def test_a_warning_is_kept_once_however_many_requests_have_it(tmp_path: Path) -> None:
    """The command prints it when all is decided."""
    desk = Desk(tmp_path, ScriptedRegistry(warnings=[{"code": "rounded_identities", "detail": "15 digits"}]), facts=5)
    await desk.run()
    assert (len(desk.registry.requests), desk.warned) == (3, ["15 digits"])


async def test_refused_lines_are_written_with_line_column_code_and_what_to_do(tmp_path: Path) -> None:
    """Conflicts too; no cell is a formula, and no long number is repeated."""
    answers = {
        "f-2": {"outcome": "refused", "code": "unknown_region", "field": "data.region", "detail": "send another"},
        "f-4": {"outcome": "conflict", "code": "conflict", "field": "id", "detail": "=1+1"},
    }
    desk = Desk(tmp_path, ScriptedRegistry(judge=lambda fact: answers.get(fact["id"])), facts=4)
    assert await desk.run() == {"accepted": 2, "refused": 1, "conflict": 1}
    assert desk.refused_lines() == [
        ["line", "source", "id", "column", "code", "what_to_do"],
        ["2", "bpjs/aceh", "f-2", "data.region", "unknown_region", "send another"],
        ["4", "bpjs/aceh", "f-4", "id", "conflict", "'=1+1"],
    ]


@pytest.mark.parametrize("begin", "=+-@\t\r")
async def test_no_cell_is_run_by_a_spreadsheet(tmp_path: Path, begin: str) -> None:
    """An apostrophe before it makes it text."""
    line = {"outcome": "refused", "code": "unknown_type", "field": f"{begin}x", "detail": f"{begin}y"}
    desk = Desk(tmp_path, ScriptedRegistry(judge=lambda _: line), facts=1)
    await desk.run()
    assert desk.refused_lines()[1][3:] == [f"'{begin}x", "unknown_type", f"'{begin}y"]


async def test_refused_rows_of_a_csv_name_their_column(tmp_path: Path) -> None:
    """What the command refuses itself stands among what the registry refuses, in the order of the file."""
    wrong = {"outcome": "refused", "code": "unknown_scheme", "field": "data.other.scheme", "detail": "d"}
    desk = Desk(tmp_path, ScriptedRegistry(judge=lambda fact: wrong if fact["id"] == "b" else None))
    desk.file = tmp_path / "people.csv"
    desk.file.write_text("id,source,type,identity\na,s,linked,x\nb,s,linked,x\n\nc,s,corrected,x\nd,s\n")
    assert await desk.run() == {"accepted": 1, "refused": 3}
    desk.refused = tmp_path / "people.csv.rejected.csv"
    assert [(row[0], *row[3:5]) for row in desk.refused_lines()[1:]] == [
        ("3", "other_scheme", "unknown_scheme"), ("5", "type", "unknown_type"), ("6", "", "malformed_field")
    ]  # fmt: skip


async def test_it_waits_while_the_registry_is_away_and_sends_again(tmp_path: Path) -> None:
    """Refused connections, a lost answer, 503, 429 and lines that were not stored; a renewed token is used."""
    stored: list[str] = []

    def not_stored_once(fact: Fact) -> Line | None:
        first = fact["id"] == "f-2" and "f-2" not in stored
        stored.append(fact["id"])
        return {"outcome": "not_stored", "code": "unavailable", "detail": "send this line again"} if first else None

    away: list[httpx.Response | Exception] = [
        httpx.ConnectError("refused"),
        problem(503, "MongoDB does not answer"),
        httpx.ReadError("gone"),
    ]
    desk = Desk(tmp_path, ScriptedRegistry([*away, problem(429, "8000 facts")], judge=not_stored_once), facts=2)
    sleep = desk.sleep

    async def renew(seconds: float) -> None:
        desk.token.write_text("t2")
        await sleep(seconds)

    desk.sleep = renew  # type: ignore[method-assign]
    assert await desk.run() == {"accepted": 2}
    assert desk.now > 2 * 7
    assert desk.waits == [
        "no answer from http://registry/v1/facts/bulk (ConnectError)", "503: MongoDB does not answer",
        "no answer from http://registry/v1/facts/bulk (ReadError)", "429: 8000 facts", "send this line again",
    ]  # fmt: skip
    assert desk.registry.requests[-1].headers["authorization"] == "Bearer t2"


async def test_a_registry_that_stays_away_is_given_up_after_ten_minutes(tmp_path: Path) -> None:
    """The message says what to do."""
    desk = Desk(tmp_path, ScriptedRegistry([httpx.ConnectError("refused") for _ in range(1000)]))
    with pytest.raises(TransientError, match="run the same command again"):
        await desk.run()
    assert desk.now > PATIENCE.total_seconds()


@pytest.mark.parametrize(
    ("answer", "says"),
    [(problem(401, "the token has expired"), "401: the token has expired"), (httpx.Response(200), "check --url")],
)
async def test_what_will_not_pass_ends_the_import_at_once(tmp_path: Path, answer: httpx.Response, says: str) -> None:
    """In the registry's own words."""
    desk = Desk(tmp_path, ScriptedRegistry([answer]))
    with pytest.raises(PermanentError, match=says):
        await desk.run()


async def test_a_card_linked_by_a_chunk_in_flight_is_known_the_second_time(tmp_path: Path) -> None:
    """A chunk may be decided before the one in front of it, which links its card."""
    seen: Counter[str] = Counter()

    def too_early(fact: Fact) -> Line | None:
        seen[fact["id"]] += 1
        early = fact["id"] == "f-3" and seen["f-3"] == 1
        return {"outcome": "refused", "code": "unknown_card", "detail": "d"} if early or fact["id"] == "f-4" else None

    desk = Desk(tmp_path, ScriptedRegistry(judge=too_early), facts=4)
    assert await desk.run() == {"accepted": 3, "refused": 1}
    assert [row[0] for row in desk.refused_lines()[1:]] == ["4"]


@pytest.mark.parametrize("dies_after", range(1, 6))
async def test_a_killed_import_goes_on_after_what_is_written_down(tmp_path: Path, dies_after: int) -> None:
    """Wherever it died, each line is decided, each refused line is written once, and the outcomes sum to the lines."""

    def third(fact: Fact) -> Line | None:
        wrong = {"outcome": "refused", "code": "unknown_region", "field": "data.region", "detail": "d"}
        return wrong if int(fact["id"][2:]) % 3 == 0 else None

    registry = ScriptedRegistry(judge=third, dies_after=dies_after)
    desk = Desk(tmp_path, registry, facts=12)
    with pytest.raises((Killed, BaseExceptionGroup)):
        await desk.run()
    with desk.refused.open("a") as file:
        file.write("half a li")
    decided = desk.journal().rows
    registry.dies_after, registry.requests = None, []
    outcomes = await desk.run()
    assert len(registry.requests) == (12 - decided) // 2
    assert registry.known == {f"f-{n}" for n in range(1, 13) if n % 3}
    assert (outcomes["accepted"] + outcomes.get("duplicate", 0), outcomes["refused"]) == (8, 4)
    assert [row[0] for row in desk.refused_lines()[1:]] == ["3", "6", "9", "12"]


async def test_a_changed_file_or_command_begins_anew(tmp_path: Path) -> None:
    """The state is of this file, read in this way; without its refused lines it says nothing."""
    wrong = {"outcome": "refused", "code": "unknown_region", "detail": "d"}
    desk = Desk(tmp_path, ScriptedRegistry(judge=lambda _: wrong, dies_after=2), facts=8)
    with pytest.raises((Killed, BaseExceptionGroup)):
        await desk.run()
    state, refused = desk.state.read_bytes(), desk.refused.read_bytes()
    assert desk.journal().rows > 0

    def rows_after(change: Callable[[], object], codes: RegionCodes = RegionCodes.KEMENDAGRI) -> int:
        desk.state.write_bytes(state)
        desk.refused.write_bytes(refused)
        change()
        return desk.journal(codes).rows

    assert rows_after(lambda: None, RegionCodes.BPS) == 0
    assert rows_after(desk.refused.unlink) == 0
    assert rows_after(lambda: desk.state.write_text("no state")) == 0
    assert rows_after(lambda: desk.file.write_bytes(desk.file.read_bytes() + b"\n")) == 0


def test_the_refused_lines_never_overwrite_the_file(tmp_path: Path) -> None:
    """A slip of the hand must not cost the data."""
    desk = Desk(tmp_path, ScriptedRegistry())
    with pytest.raises(PermanentError, match="name another"):
        command.open_journal(FactFile.named(desk.file, None), "http://r", RegionCodes.BPS, desk.file)
