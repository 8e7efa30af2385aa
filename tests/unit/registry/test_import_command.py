"""The import command against a registry that is scripted: what it sends, survives, shows and exits with."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from services.registry.adapters.import_client import PATIENCE, ImportClient, Sending
from services.registry.adapters.import_command import cancel, format_of, import_file
from services.registry.adapters.import_screen import Screen
from services.registry.adapters.import_views import EXAMPLE
from services.registry.application.import_ports import Format, Reading
from services.registry.intake.places import RegionCodes
from shared.runtime.errors import PermanentError, TransientError

Handler = Callable[[httpx.Request], httpx.Response]


def job(state: str = "done", **over: Any) -> dict[str, Any]:
    ended = "2026-11-21T03:01:04Z" if state not in ("running", "waiting") else None
    return EXAMPLE | {"state": state, "ended_at": ended} | over


def outcomes(**over: int) -> dict[str, int]:
    return {"accepted": 0, "duplicate": 0, "repeated": 0, "conflict": 0, "refused": 0} | over


class Script:
    """A registry that answers as told, one answer a call; an exception is a connection that fails."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    """A terminal or none, a clock that sleeping moves, and the command with a file of one row."""

    def __init__(self, folder: Path, script: Handler, *, terminal: bool = False) -> None:
        self.now = 0.0
        self.shown = io.StringIO()
        self.rejects = folder / "people.csv.rejected.csv"
        self.screen = Screen(Console(file=self.shown, force_terminal=terminal, width=120), lambda: self.now)
        file, token = folder / "people.csv", folder / "token"
        file.write_text("id\nc-1\n")
        token.write_text("t1\n")
        self.token = token
        self.sending = Sending(file, Reading(Format.CSV))
        self.client = ImportClient(
            "http://registry", token, self.screen.waits, self.sleep, lambda: self.now, httpx.MockTransport(script)
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def run(self) -> int:
        return import_file(self.client, self.sending, self.screen, self.rejects, self.sleep)


def page(*jobs: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"items": list(jobs), "next": None})


def problem(status: int, detail: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"detail": detail}, headers=named)


REJECTS = httpx.Response(200, text="line,source,id,code,field,detail\n")


def test_a_file_is_sent_followed_and_summed_up(tmp_path: Path) -> None:
    """With its length, format, region codes and key; exit code 0 where every line was taken."""
    done = job(outcomes=outcomes(accepted=1), lines=1)
    script = Script(page(), httpx.Response(202, json=job("waiting")), httpx.Response(200, json=done), REJECTS)
    desk = Desk(tmp_path, script)
    assert desk.run() == 0
    post = script.requests[1]
    assert (post.url.path, post.url.params["region_codes"], post.content) == ("/v1/imports", "kemendagri", b"id\nc-1\n")
    assert (post.headers["content-length"], post.headers["content-type"]) == ("7", "text/csv")
    assert post.headers["idempotency-key"] == desk.sending.key() == script.requests[0].url.params["key"]
    said = desk.shown.getvalue()
    assert "accepted" in said
    assert f"0 rejected lines, with reasons: {desk.rejects}" in said
    assert desk.rejects.read_text() == "line,source,id,code,field,detail\n"


@pytest.mark.parametrize(
    ("state", "detail", "counted", "code"),
    [
        ("done", None, {"accepted": 3, "refused": 1}, 1),
        ("done", None, {"accepted": 3, "conflict": 1}, 1),
        ("done", None, {"duplicate": 2, "repeated": 2}, 0),
        ("failed", "lines 1 to 4 could not be stored", {}, 2),
        ("cancelled", None, {"accepted": 4}, 2),
    ],
)
def test_the_exit_code_tells_how_it_ended(
    tmp_path: Path, state: str, detail: str | None, counted: dict[str, int], code: int
) -> None:
    """0 taken, 1 some rejected, 2 not done; a file that was imported before is told so and summed up again."""
    desk = Desk(tmp_path, Script(page(job(state, detail=detail, outcomes=outcomes(**counted))), REJECTS))
    assert desk.run() == code
    said = desk.shown.getvalue()
    assert "imported before" in said
    assert detail is None or detail in said


def test_it_waits_while_the_server_is_away_and_sends_again(tmp_path: Path) -> None:
    """Refused connections, a cut upload, a server in trouble or with too much to do; said once each time."""
    script = Script(
        httpx.ConnectError("refused"),
        problem(503, "MongoDB does not answer", Retry_After="7"),
        page(),
        httpx.WriteError("reset"),
        problem(429, "you have 4 unfinished imports"),
        httpx.Response(200, json=job("running")),
        httpx.ReadError("gone"),
        httpx.Response(200, json=job(outcomes=outcomes(accepted=1))),
        REJECTS,
    )
    desk = Desk(tmp_path, script)
    assert desk.run() == 0
    assert desk.now > 7
    assert [request.content for request in script.requests if request.method == "POST"] == [b"id\nc-1\n"] * 3
    assert "Waiting: no answer from http://registry (ConnectError)" in desk.shown.getvalue()


def test_a_server_that_stays_away_is_given_up_after_ten_minutes(tmp_path: Path) -> None:
    """With what to do."""

    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    desk = Desk(tmp_path, away)
    with pytest.raises(TransientError, match="run the same command again"):
        desk.run()
    assert desk.now > PATIENCE.total_seconds()


def test_what_the_server_will_not_take_ends_at_once_in_its_own_words(tmp_path: Path) -> None:
    """A wrong header is not sent twice."""
    desk = Desk(tmp_path, Script(page(), problem(422, "the columns are divided by semicolons")))
    with pytest.raises(PermanentError, match="422: the columns are divided by semicolons"):
        desk.run()


def test_a_renewed_token_is_used_from_the_next_call_on(tmp_path: Path) -> None:
    """A long import outlives a token."""
    script = Script(page(job("running")), httpx.Response(200, json=job()), REJECTS)
    desk = Desk(tmp_path, script)
    sleep = desk.sleep

    def renew(seconds: float) -> None:
        desk.token.write_text("t2")
        sleep(seconds)

    assert import_file(desk.client, desk.sending, desk.screen, desk.rejects, renew) == 1
    assert [request.headers["authorization"] for request in script.requests] == ["Bearer t1", "Bearer t2", "Bearer t2"]


def test_ctrl_c_leaves_the_import_to_the_server(tmp_path: Path) -> None:
    """And says how to come back, or to cancel."""
    desk = Desk(tmp_path, Script(page(job("running"))))

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    assert import_file(desk.client, desk.sending, desk.screen, desk.rejects, interrupted) == 130
    assert "--cancel ends it" in desk.shown.getvalue()


def test_cancel_finds_the_import_by_the_file(tmp_path: Path) -> None:
    """2 where there is none."""
    script = Script(page(job("running")), httpx.Response(202, json=job("cancelling")), page())
    desk = Desk(tmp_path, script)
    assert cancel(desk.client, desk.sending, desk.screen) == 0
    assert script.requests[1].url.path == f"/v1/imports/{EXAMPLE['id']}/cancel"
    assert cancel(desk.client, desk.sending, desk.screen) == 2


def test_lines_elsewhere_come_now_and_then_and_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """Ten looks within two seconds are one plain line with lines, rate and time left."""
    plain = Desk(tmp_path, Script())
    with plain.screen as screen:
        for _ in range(10):
            plain.sleep(0.2)
            screen.imported(job("running"))
    assert plain.shown.getvalue() == "Running: 278,100 lines, 9,120 a second, 41 s left\n"
    terminal = Desk(tmp_path, Script(), terminal=True)
    with terminal.screen as screen:
        screen.sent(500_000, 1_000_000)
        screen.imported(job("running"))
    assert "━" in terminal.shown.getvalue()
    assert "9,120 a second" in terminal.shown.getvalue()


def test_the_key_is_the_content_and_how_it_is_read(tmp_path: Path) -> None:
    """Whatever the file is called; read otherwise, or sent once more on purpose, it is another import."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("id\n")
    second.write_text("id\n")
    csv = Reading(Format.CSV)
    assert Sending(first, csv).key() == Sending(second, csv).key()
    others = (Sending(first, Reading(Format.NDJSON)), Sending(first, Reading(Format.CSV, RegionCodes.BPS)))
    assert len({Sending(first, csv).key(), Sending(first, csv, "again").key(), *(one.key() for one in others)}) == 4


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.csv", Format.CSV), ("a.CSV.gz", Format.CSV), ("a.ndjson", Format.NDJSON), ("a.jsonl.GZ", Format.NDJSON)],
)
def test_the_format_is_told_by_the_name(name: str, format_: Format) -> None:
    """Packed or not."""
    assert format_of(Path(name)) is format_


def test_a_name_that_tells_no_format_asks_for_one() -> None:
    """Rather than guess."""
    with pytest.raises(PermanentError, match="say what it is with --format"):
        format_of(Path("people.txt"))
