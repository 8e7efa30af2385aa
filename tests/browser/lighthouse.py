"""`python -m tests.browser.lighthouse`: Lighthouse judges the four main pages (`make lighthouse`); needs Node and npm.

The phone and the line are those of pages.md: 1.6 Mbit/s, 300 ms, a processor four times slower than this one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import rich

from deploy.messages import browser_path
from services.coverage.pages.http.session import COOKIE
from tests.browser import nation
from tests.browser.site import Site, opened_site
from tests.servers import fresh_servers

_LIGHTHOUSE: Final = "lighthouse@12.2.3"
_OPTIONS: Final = (
    "--quiet", "--output=json", "--form-factor=mobile", "--screenEmulation.width=360", "--throttling.rttMs=300",
    "--throttling.throughputKbps=1638.4", "--throttling.cpuSlowdownMultiplier=4",
    "--chrome-flags=--headless=new --no-sandbox",
)  # fmt: skip
_LEAST: Final = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
"""Scores of 100 (pages.md, "Budgets")."""
_PAGES: Final[tuple[tuple[str, str | None], ...]] = (
    ("/", None), (f"/wilayah/{nation.PROVINCE}", None), (f"/wilayah/{nation.REGENCY}", None),
    (f"/wilayah/{nation.REGENCY}", "bupati"), (f"/wilayah/{nation.REGENCY}/kuota", "bupati"),
)  # fmt: skip
_SHOWN: Final = ("largest-contentful-paint", "cumulative-layout-shift", "total-byte-weight")


async def judge(site: Site, path: str, who: str | None) -> bool:
    """Print the scores of a page and what keeps them down; say whether they are high enough."""
    headers = ["--extra-headers", json.dumps({"Cookie": f"{COOKIE}={site.tokens[who]}"})] if who else []
    process = await asyncio.create_subprocess_exec(
        "npx", "--yes", _LIGHTHOUSE, site.base + path, *_OPTIONS, *headers,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "CHROME_PATH": browser_path()},
    )  # fmt: skip
    told, _ = await process.communicate()
    report: dict[str, Any] = json.loads(told)
    scores = {name: round(100 * (part["score"] or 0)) for name, part in report["categories"].items()}
    audits = report["audits"]
    rich.print(path, who or "public", scores, {name: audits[name]["displayValue"] for name in _SHOWN})
    for name, part in report["categories"].items():
        for one in part["auditRefs"]:
            audit = audits[one["id"]]
            if one["weight"] and audit["score"] is not None and audit["score"] < 1 and scores[name] < _LEAST[name]:
                rich.print(f"  {name}: {audit['title']} {audit.get('displayValue', '')}")
    return all(scores[name] >= least for name, least in _LEAST.items())


async def _main() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            fresh_servers() as servers,
            opened_site(servers.kafka.bootstrap, servers.mongodb_uri, "lighthouse.", Path(folder)) as site,
        ):
            return all([await judge(site, *page) for page in _PAGES])


if __name__ == "__main__":
    if not shutil.which("npx"):
        sys.exit("found no npx: install Node.js and npm (Debian: apt-get install npm)")
    sys.exit(not asyncio.run(_main()))
