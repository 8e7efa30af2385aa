"""Whether a page fits: on a phone, at a desk, down to 320 px, at 200 % zoom, and with text of twice the size."""

from __future__ import annotations

from typing import Any, Final

from playwright.async_api import Page

PHONE_WIDTH, DESK_WIDTH = 360, 1280
_NARROWEST: Final = 320
_ZOOMED: Final = 640
"""CSS pixels across a desktop's 1,280 at 200 % zoom."""


async def running_over(page: Page) -> list[str]:
    """Return where the page runs off the side; it is left as wide as a desk."""
    found = list[str]()
    for width in (_NARROWEST, PHONE_WIDTH, _ZOOMED, DESK_WIDTH):
        await set_width(page, width)
        if over := await _over(page):
            found.append(f"{page.url} at {width} px runs {over} px off the side")
    # Readers who set their text larger have no narrower window: the layout may not restack.
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    if over := await _over(page):
        found.append(f"{page.url} with text of 200 % runs {over} px off the side")
    await page.evaluate("document.documentElement.style.fontSize = ''")
    return found


async def set_width(page: Page, width: int) -> None:
    """Give the page a window of this width."""
    await page.set_viewport_size({"width": width, "height": 800})


async def _over(page: Page) -> int:
    """Return by how many pixels the page can be scrolled sideways."""
    found: Any = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return int(found)
