"""An official answers an alert of the real notifier: on its page after signing in, and by the link in the message."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from http.cookies import SimpleCookie
from itertools import count
from typing import Any, Final

import httpx
import pytest

from deploy.local.keys import Grant, Keys
from deploy.local.sample.people import invented_nik
from deploy.local.settings import write_whole
from tests.e2e.world import World, enrolled
from tests.waiting import eventually

PROVINCE: Final = "12"
"""Sumatera Utara, whose governor is in the sample's directory; no other test enrols anybody there."""
GOVERNOR: Final = "gubernur-sumatera-utara"
MAILBOX: Final = "gubernur.sumut@example.id"
SERIALS: Final = count(990_000)

Body = dict[str, Any]


@pytest.fixture(scope="module")
async def governor(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The governor's browser, signed in by a ready token.

    As Chromium does, and httpx does not, it sends secure cookies to a loopback address.
    """
    keys, grant = Keys(world.config.home), Grant(GOVERNOR, "coverage:read alerts:ack", role="gubernur", region=PROVINCE)
    write_whole(world.config.home.tokens / f"{GOVERNOR}.jwt", keys.issue_token(grant, datetime.now(UTC)))
    kept = SimpleCookie()

    async def send_cookies(request: httpx.Request) -> None:
        request.headers["cookie"] = "; ".join(f"{name}={one.value}" for name, one in kept.items() if one.value)

    async def keep_cookies(response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            kept.load(line)

    hooks: dict[str, list[Callable[..., Any]]] = {"request": [send_cookies], "response": [keep_cookies]}
    base = world.config.url("coverage")
    async with httpx.AsyncClient(base_url=base, event_hooks=hooks, follow_redirects=True, timeout=30) as browser:
        page = await sent(browser, "/masuk", nama=GOVERNOR, ke=f"/wilayah/{PROVINCE}")
        assert f"{GOVERNOR}, gubernur · Sumatera Utara" in page
        yield browser


@pytest.fixture
async def alert(world: World) -> AsyncIterator[Body]:
    """An alert that fires: one of two workers is active, which is over 40 %. Afterwards it has recovered."""
    csv = f"region,basis,valid_from,value,source,definition\n{PROVINCE},workers,2023-01-01,2,test,two workers\n"
    headers = {"content-type": "text/csv"}
    put = await world.request("PUT", "coverage", "/v1/potentials", "operator", content=csv, headers=headers)
    assert put.status_code == 200, put.text
    person = enrolled(invented_nik(next(SERIALS), date(1990, 1, 1), woman=True), region=f"{PROVINCE}.71.01.1001")
    assert (await world.post(person)).status_code == 202

    async def firing() -> list[Body]:
        page = await world.get("notifier", f"/v1/alerts?region={PROVINCE}&state=firing")
        return [one for one in page["items"] if one["rule"] == "active-40"]

    (found,) = await eventually(firing, within_s=60)
    yield found
    ended = {"id": uuid.uuid4().hex, "type": "cakupan.ended.v1", "time": datetime.now(UTC).isoformat()}
    assert (await world.post(person | ended | {"data": {"identity": person["data"]["identity"]}})).status_code == 202

    async def recovered() -> bool:
        return not await firing()

    await eventually(recovered, within_s=60)


async def sent(browser: httpx.AsyncClient, path: str, **fields: str) -> str:
    """Send the form of a page, as a browser does, and return the page that it leads to."""
    proof = re.search(r'name="bukti" value="([^"]+)"', (await browser.get(path)).text.partition("<main")[2])
    assert proof is not None
    origin = str(browser.base_url).rstrip("/")
    answer = await browser.post(path, data=fields | {"bukti": proof[1]}, headers={"origin": origin})
    assert answer.status_code == 200, answer.text
    return answer.text


async def acknowledged(world: World, alert: Body) -> Body | None:
    """Return who has acknowledged the alert, and with which note, as the notifier's API says."""
    said: Body | None = (await world.get("notifier", f"/v1/alerts/{alert['id']}"))["alert"]["acknowledged"]
    return said


async def test_on_the_page_after_signing_in(world: World, governor: httpx.AsyncClient, alert: Body) -> None:
    """Looking changes nothing; the button does, once and for all to see; the page then says who, and asks no more."""
    address = f"/peringatan/{alert['id']}"
    assert address in (await governor.get("/peringatan")).text
    assert "Tanggapi</button>" in (await governor.get(address)).text
    assert await acknowledged(world, alert) is None
    await sent(governor, address, catatan="Dibahas Senin")
    given = await eventually(lambda: acknowledged(world, alert), within_s=60)
    assert given is not None
    assert (given["by"], given["note"]) == (GOVERNOR, "Dibahas Senin")
    page = (await governor.get(address)).text
    assert f"Ditanggapi oleh {GOVERNOR}" in page
    assert "Tanggapi</button>" not in page


async def test_by_the_link_in_the_message(world: World, governor: httpx.AsyncClient, alert: Body) -> None:
    """A mail scanner that opens it changes nothing; the button does; a second use is refused in plain words."""

    async def mailed() -> str:
        texts = [mail.text for mail in world.mails(MAILBOX) if alert["id"] in mail.text]
        return texts[0] if texts else ""

    link = re.search(rf"{re.escape(world.config.url('notifier'))}/ack/\S+", await eventually(mailed, within_s=60))
    assert link is not None
    async with httpx.AsyncClient(timeout=30) as anybody:
        asked = await anybody.get(link[0])
        assert (asked.status_code, '<button type="submit">' in asked.text) == (200, True)
        assert await acknowledged(world, alert) is None
        assert (await anybody.post(link[0], data={"note": "Sudah dibayar"})).status_code in (200, 202)
        given = await eventually(lambda: acknowledged(world, alert), within_s=60)
        assert given is not None
        assert (given["by"], given["note"]) == (GOVERNOR, "Sudah dibayar")
        again = await anybody.post(link[0], data={"note": "Sekali lagi"})
    assert again.status_code == 410
    assert "Tautan ini sudah dipakai" in again.text
    assert "Sudah dibayar" in (await governor.get(f"/peringatan/{alert['id']}")).text
