"""What a visit costs: bytes as they travel, and what is asked for (pages.md, "Budgets")."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.async_api import Page

from tests.waiting import eventually

_KB: Final = 1024
_KB_AT_MOST, _KB_WITH_MAP_AT_MOST, _REQUESTS_AT_MOST = 60, 90, 6
_WITH_MAP: Final = re.compile(r"/(wilayah/\d\d)?(\?|$)")
_HEADERS: Final = 1_000
"""Bytes, more than the headers of an answer take."""


@dataclass
class Costs:
    """Counts what a page asks for, as in a browser without a past: what came with pages before is asked for again."""

    base: str
    asked: dict[str, str] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)

    async def watch(self, page: Page) -> None:
        """Begin to count."""
        devtools = await page.context.new_cdp_session(page)
        devtools.on(
            "Network.requestWillBeSent", lambda one: self.asked.update({one["requestId"]: one["request"]["url"]})
        )
        devtools.on("Network.responseReceived", lambda one: self._add(one["requestId"], one["response"]))
        devtools.on("Network.dataReceived", lambda one: self._add(one["requestId"], one))
        await devtools.send("Network.enable")
        await devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})

    async def visit(self, page: Page, path: str) -> list[str]:
        """Open a page of the site; return what is above its budget."""
        self.asked.clear()
        self.received.clear()
        await page.goto(path)
        return await self._too_high(page, path)

    def _add(self, request: str, event: Any) -> None:
        """Add the bytes of an event, as they travelled."""
        self.received[request] += event["encodedDataLength"]

    async def _too_high(self, page: Page, path: str) -> list[str]:
        if await page.locator("#siaran").count():
            # The stream begins with all panels: they count, too.
            await eventually(self._stream_has_begun)
        most = (_KB_WITH_MAP_AT_MOST if _WITH_MAP.match(path) else _KB_AT_MOST) * _KB
        # A browser draws its own signs on fields of dates, from addresses that hold their data.
        asked = [url for url in self.asked.values() if not url.startswith("data:")]
        return [
            *([f"{path} takes {taken} bytes of {most}"] if (taken := sum(self.received.values())) > most else []),
            *([f"{path} asks {len(asked)} times"] if len(asked) > _REQUESTS_AT_MOST else []),
            *(f"{path} asks elsewhere: {url}" for url in asked if not url.startswith(self.base)),
        ]

    async def _stream_has_begun(self) -> bool:
        return any(self.received[nth] > _HEADERS for nth, url in self.asked.items() if "/langsung" in url)
