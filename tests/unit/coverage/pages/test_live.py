"""The stream of a page: its panels whenever a figure in them changes, and what a screen reader is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from services.coverage.pages.http import live, region
from services.coverage.pages.http.live import EVERY, Rendered, Spoken
from tests.factories_coverage import snapshot
from tests.pages_world import NOW, OCTOBER, REGENCY, PagesWorld


def at(seconds: float, active: int) -> Rendered:
    """Return panels with so many active people so long after the start."""
    return Rendered(NOW + timedelta(seconds=seconds), b"", snapshot("11", active))


def test_a_change_is_told_once_a_minute_and_only_if_there_is_one() -> None:
    """Since what was told last; what the page came with is not told."""
    spoken = Spoken(100, NOW)
    assert [spoken.due(at(*one)) for one in ((5, 112), (61, 112), (66, 113), (121, 112), (130, 111))] == [
        None, 12, None, None, -1,
    ]  # fmt: skip


async def test_an_official_may_have_a_stream_of_the_present(world: PagesWorld) -> None:
    """Not the public, not of the past, and not who saves data; its token is asked for again."""
    token = world.token(REGENCY, "bupati")
    path = f"/wilayah/{REGENCY}"
    page = await world.page(path, token)
    assert 'hx-sse:connect="/langsung?region=63.10"' in page
    # The browser's tests, if they run in the same process, have it begin at once.
    assert f'hx-trigger="load delay:{region.LIVE_AFTER.total_seconds():g}s, ' in page
    assert "siaran" not in await world.page(f"{path}?as_of={OCTOBER}", token)
    assert "siaran" not in (await world.get(path, token, **{"save-data": "on"})).text
    assert (await world.get(f"/langsung?region={REGENCY}")).status_code == 401
    assert (await world.get("/langsung?region=11.01", token)).status_code == 403


async def test_the_stream_sends_the_panels_as_they_are(world: PagesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first event has the figures; without a change none follows; after one comes the next, and it ends."""

    async def ticks() -> AsyncIterator[None]:
        """Tick as often as the test needs, each 5 seconds later."""
        for _ in range(5):
            yield None
            world.clock.advance(EVERY)

    monkeypatch.setattr(live, "_ticks", ticks)
    response: httpx.Response = await world.get(f"/langsung?region={REGENCY}&lang=en", world.token())
    events = [one for one in response.text.split("\n\n") if one.startswith("data:")]
    world.clock.set(NOW)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "private, no-store"
    assert len(events) == 1
    assert "Active" in events[0]
    assert "252" in events[0]
    assert 'hx-target="#saat"' in events[0]
    assert "kabar" not in events[0]
    assert response.text.count(": still here") == 1
