"""Alerts of a notifier that answers as the real one does, one that refuses, and one that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from services.coverage.pages import notifier as module
from services.coverage.pages.http.session import COOKIE, form_token
from shared.adapters.http_problem import Problem
from tests.pages_world import BASE, REGENCY, PagesWorld, pages_world
from tests.serving import listening

ALERT = "0b3d4d5e-0000-5000-8000-000000000001"
RAISED: dict[str, Any] = {
    "id": ALERT, "rule": "lapse-ahead", "title": {"id": "Banyak yang akan nonaktif", "en": "Many are due to lapse"},
    "severity": "warning", "region": REGENCY, "name": "Kabupaten Tanah Bumbu", "level": "regency", "episode": 1,
    "state": "firing", "raised_at": "2026-11-21T05:00:00Z", "ended_at": None, "end_reason": None,
    "because_potential": False, "quiet": False, "acknowledged": None,
}  # fmt: skip


@dataclass
class Remote:
    """What the notifier was asked, and what it has."""

    alerts: list[dict[str, Any]] = field(default_factory=lambda: [dict(RAISED)])
    notes: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def application(self) -> FastAPI:
        """Return its routes."""
        api = FastAPI()

        @api.get("/v1/alerts")
        async def list_alerts(request: Request) -> dict[str, Any]:
            self.tokens.add(request.headers["authorization"])
            asked = request.query_params
            found = [one for one in self.alerts if not (asked.get("acknowledged") == "false" and one["acknowledged"])]
            return {
                "items": [one for one in found if not (asked.get("quiet") == "false" and one["quiet"])],
                "next": None,
            }

        @api.get("/v1/alerts/{alert}")
        async def get_alert(alert: str) -> Response:
            if alert != ALERT:
                return Problem(404, "unknown_alert", "no alert has this id").response()
            words = {"id": "dinyatakan", "en": "raised"}
            child = {"region": "63.10.02", "name": "Kusan Hilir", "number": 40}
            step = {"at": "2026-11-22T05:00:00Z", "roles": ["gubernur"], "officials": ["budi"]}
            return JSONResponse(
                {
                    "alert": self.alerts[0], "raised_by": {}, "deliveries": [],
                    "history": [{"at": "2026-11-21T05:00:00Z", "words": words, "line": {}}],
                    "children": {"reason": "due", "items": [child]}, "next_escalation": step,
                }
            )  # fmt: skip

        @api.post("/v1/alerts/{alert}/ack")
        async def acknowledge(request: Request, alert: str) -> Response:
            self.notes.append((await request.json())["note"])
            self.alerts[0]["acknowledged"] = {"by": "ani", "at": "2026-11-21T06:00:00Z", "note": self.notes[-1]}
            return JSONResponse({"alert": alert, "by": "ani", "note": self.notes[-1]})

        return api


@pytest.fixture
async def asked() -> AsyncIterator[tuple[PagesWorld, Remote]]:
    """The pages and the notifier that they ask."""
    remote = Remote()
    async with listening(remote.application()) as address, pages_world(notifier=address) as world:
        yield world, remote


async def test_an_official_sees_what_waits_and_answers_it(asked: tuple[PagesWorld, Remote]) -> None:
    """On the region's page, in the list, and alone; looking changes nothing; the note and the token are passed on."""
    world, remote = asked
    token = world.token(REGENCY, "bupati")
    region = await world.page(f"/wilayah/{REGENCY}", token)
    assert f'href="/peringatan/{ALERT}">Banyak yang akan nonaktif: Kabupaten Tanah Bumbu' in region
    assert remote.tokens == {f"Bearer {token}"}
    assert "1 belum ditanggapi" in await world.page("/peringatan", token)
    alone = await world.page(f"/peringatan/{ALERT}?lang=en", token)
    assert "Many are due to lapse" in alone
    assert "21 Nov 2026 13:00 WITA" in alone
    assert "Kusan Hilir</a> <b>40</b>" in alone
    assert "Goes higher 22 Nov 2026 13:00 WITA: governor (budi)" in alone
    assert "21 Nov 2026 13:00 WITA: raised" in alone
    assert remote.notes == []
    answered = await world.http.post(
        f"/peringatan/{ALERT}", data={"catatan": "anggaran diajukan <b>", "bukti": form_token(token)},
        headers={"cookie": f"{COOKIE}={token}", "origin": BASE},
    )  # fmt: skip
    assert (answered.status_code, answered.headers["location"]) == (303, f"/peringatan/{ALERT}")
    assert remote.notes == ["anggaran diajukan <b>"]
    after = await world.page(f"/peringatan/{ALERT}", token)
    assert "Ditanggapi oleh ani, 21 Nov 2026 14.00 WITA: anggaran diajukan &lt;b&gt;" in after
    assert "0 belum ditanggapi" in await world.page("/peringatan", token)
    assert "Tidak ada peringatan yang belum ditanggapi." in await world.page(f"/wilayah/{REGENCY}", token)


async def test_a_quiet_alert_asks_nobody_for_an_answer(asked: tuple[PagesWorld, Remote]) -> None:
    """Thousands of villages may miss a quota from the first day: what nobody was told of does not hide the rest."""
    world, remote = asked
    remote.alerts.append(RAISED | {"name": "Betung", "quiet": True, "acknowledged": None})
    try:
        for path in ("/peringatan", f"/wilayah/{REGENCY}"):
            assert "Banyak yang akan nonaktif: Betung" not in await world.page(path, world.token())
    finally:
        remote.alerts.pop()


async def test_another_site_answers_nothing(asked: tuple[PagesWorld, Remote]) -> None:
    """Without the proof of our page, or from elsewhere."""
    world, remote = asked
    token = world.token()
    for origin, proof in (("https://evil.example", form_token(token)), (BASE, "x")):
        headers = {"cookie": f"{COOKIE}={token}", "origin": origin}
        answer = await world.http.post(f"/peringatan/{ALERT}", data={"catatan": "", "bukti": proof}, headers=headers)
        assert answer.status_code == 403
    assert remote.notes == []


async def test_what_the_notifier_refuses_is_a_page(asked: tuple[PagesWorld, Remote]) -> None:
    """An alert that is not there; who may not answer sees no form."""
    world, _ = asked
    missing = await world.get(f"/peringatan/{ALERT[:-1]}2", world.token())
    assert (missing.status_code, "Tidak ada peringatan ini." in missing.text) == (404, True)
    reader = await world.page(f"/peringatan/{ALERT}", world.token(scope="coverage:read"))
    assert "Akun Anda tidak dapat menanggapi." in reader


async def test_without_the_notifier_the_pages_stand_and_say_so(world: PagesWorld) -> None:
    """The figures are not its."""
    token = world.token()
    region = await world.page(f"/wilayah/{REGENCY}", token)
    assert "Layanan peringatan tidak dapat dihubungi." in region
    assert "252" in region
    assert "Layanan peringatan tidak dapat dihubungi." in await world.page("/peringatan", token)
    assert (await world.get(f"/peringatan/{ALERT}", token)).status_code == 503


async def test_a_notifier_that_is_away_is_not_asked_for_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page would wait for it; after a second it is asked again."""
    asked, now, api = list[Request](), [100.0], FastAPI()
    monkeypatch.setattr(module, "monotonic", lambda: now[0])

    @api.get("/v1/alerts")
    async def list_alerts(request: Request) -> Response:
        asked.append(request)
        return JSONResponse({"items": []}, 503 if len(asked) == 1 else 200)

    async with listening(api) as address:
        notifier = module.Notifier(address)
        assert [await notifier.alerts("token", REGENCY) for _ in range(3)] == [None] * 3
        assert len(asked) == 1
        now[0] += 1
        assert await notifier.alerts("token", REGENCY) == []
        await notifier.close()
