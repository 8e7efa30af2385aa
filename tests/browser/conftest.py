"""One site and one browser for all tests of pages of a run; `tests/conftest.py` gives them all to one worker."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import expect

from services.coverage.pages.http import region
from tests.browser.site import WITHIN_MS, Site, opened_site


@pytest.fixture(scope="package")
async def site(kafka_bootstrap: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The pages, open; their streams begin at once."""
    expect.set_options(timeout=WITHIN_MS)
    namespace = f"b{uuid.uuid4().hex[:8]}."
    with pytest.MonkeyPatch.context() as hurried:
        hurried.setattr(region, "LIVE_AFTER", timedelta(milliseconds=1))
        async with opened_site(kafka_bootstrap, mongodb_uri, namespace, tmp_path_factory.mktemp("site")) as opened:
            yield opened
