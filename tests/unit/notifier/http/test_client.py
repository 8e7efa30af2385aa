"""The commands' side of the API: what they send, and what they print of an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.notifier.http.client import Client
from shared.runtime.errors import PermanentError, TransientError


def client(folder: Path, *answers: httpx.Response | Exception, sent: list[httpx.Request] | None = None) -> Client:
    """Return a client that gets these answers, one after another."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if sent is not None:
            sent.append(request)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    (folder / "token").write_text("t\n")
    return Client("http://n/", folder / "token", httpx.MockTransport(answer))


def taken(**over: Any) -> httpx.Response:
    """Return the answer to a directory that was taken."""
    return httpx.Response(200, json={"version": 2, "officials": 3, "added": 1, "changed": 2, "removed": 0, **over})


@pytest.mark.parametrize(
    ("name", "media_type"), [("o.yaml", "application/yaml"), ("o.CSV", "text/csv"), ("o.json", "application/json")]
)
def test_officials_are_sent_as_what_their_ending_says(tmp_path: Path, name: str, media_type: str) -> None:
    """With the token; the report is one line."""
    (tmp_path / name).write_text("x")
    sent: list[httpx.Request] = []
    said = client(tmp_path, taken(), sent=sent).load_officials(tmp_path / name, dry_run=False)
    assert said == "3 officials: in force as version 2; 1 added, 2 changed, 0 removed"
    (request,) = sent
    assert (request.method, str(request.url), request.content) == ("PUT", "http://n/v1/officials", b"x")
    assert (request.headers["content-type"], request.headers["authorization"]) == (media_type, "Bearer t")


def test_a_dry_run_and_an_answer_that_waits_say_so(tmp_path: Path) -> None:
    """Nothing looks done that is not."""
    file = tmp_path / "o.yaml"
    file.write_text("x")
    waits = httpx.Response(202, json={"state": "waiting", "input": 1})
    calls = client(tmp_path, taken(version=None), waits)
    assert calls.load_officials(file, dry_run=True).startswith("3 officials: would be in force;")
    assert calls.load_officials(file, dry_run=False) == "stored; in force once a replica evaluates"


def test_a_refused_file_gives_a_line_a_fault(tmp_path: Path) -> None:
    """Line, official and field, as far as they apply."""
    file = tmp_path / "o.csv"
    file.write_text("x")
    faults = [
        {"line": 4, "entry": 3, "id": "b", "field": "role", "message": "wrong; correct it"},
        {"line": None, "entry": None, "id": "", "field": "", "message": "no file; send one"},
    ]
    refusal = httpx.Response(422, json={"detail": "nothing was taken", "errors": faults})
    with pytest.raises(PermanentError) as refused:
        client(tmp_path, refusal).load_officials(file, dry_run=False)
    assert str(refused.value).splitlines() == [
        "line 4, official b, role: wrong; correct it", "no file; send one", "nothing was taken",
    ]  # fmt: skip


def test_files_that_are_none_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """Another ending, a file that is not there, a token that is not there."""
    with pytest.raises(PermanentError, match=r"must end in \.yaml"):
        client(tmp_path).load_officials(tmp_path / "o.xlsx", dry_run=False)
    with pytest.raises(PermanentError, match="cannot be read"):
        client(tmp_path).load_officials(tmp_path / "o.csv", dry_run=False)
    with pytest.raises(PermanentError, match="name a file that holds a token"):
        Client("http://n", tmp_path / "none")


def test_no_answer_is_told_from_a_refusal(tmp_path: Path) -> None:
    """Whoever calls may try again."""
    with pytest.raises(TransientError, match="is notifier up"):
        client(tmp_path, httpx.ConnectError("no")).call("GET", "/v1/rules")
    with pytest.raises(TransientError, match="is notifier up"):
        client(tmp_path, httpx.Response(200, text="<html>")).call("GET", "/v1/rules")


def test_all_pages_of_a_list_are_read(tmp_path: Path) -> None:
    """Each with the cursor of the one before."""
    sent: list[httpx.Request] = []
    pages = [httpx.Response(200, json={"items": [{"id": n}], "next": c}) for n, c in ((1, "x"), (2, None))]
    found = list(client(tmp_path, *pages, sent=sent).pages("/v1/silences", region="11"))
    assert [one["id"] for one in found] == [1, 2]
    assert [request.url.query for request in sent] == [b"region=11", b"region=11&cursor=x"]
