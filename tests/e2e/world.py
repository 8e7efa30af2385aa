"""The whole real stack as a test sees it: from outside."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from deploy.local.keys import READY
from deploy.local.sample.reading import mails
from deploy.local.sample.story import Story, opened_story, play
from deploy.local.sample.upstream import LINES
from deploy.local.settings import StackSettings
from deploy.local.stack import LocalStack


@asynccontextmanager
async def started_world(folder: Path, kafka_bootstrap: str, mongodb_uri: str) -> AsyncIterator[World]:
    """Yield a stack on servers that run already, with ports, names and files of its own; stop it afterwards."""
    settings = StackSettings(
        folder=folder,
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace=f"e2e{uuid.uuid4().hex[:6]}.",
        registry_port=0,
        coverage_port=0,
        notifier_port=0,
        mailbox_port=0,
    )
    stack = LocalStack(settings)
    try:
        await stack.start()
        async with httpx.AsyncClient(timeout=30) as http:
            yield World(stack, settings, http)
    finally:
        await stack.stop()


class World:
    """One running stack, and how to speak to it."""

    def __init__(self, stack: LocalStack, settings: StackSettings, http: httpx.AsyncClient) -> None:
        self.stack = stack
        self._home = settings.home
        self._http = http

    async def post(self, body: Any, token: str | None = "") -> httpx.Response:
        """Send a fact (or bytes) to the registry; as the upstream system unless another token, or None, is given."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        headers = {"Content-Type": "application/cloudevents+json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token('upstream')}"
        return await self._http.post(f"{self.stack.addresses.registry}/v1/facts", headers=headers, **content)

    async def request(self, method: str, url: str, **given: Any) -> httpx.Response:
        """Send any request as it is given."""
        return await self._http.request(method, url, **given)

    async def region(self, code: str) -> dict[str, Any]:
        """Return a region as coverage gives it to an operator."""
        return await self._get(f"{self.stack.addresses.coverage}/v1/regions/{code}")

    async def children(self, code: str) -> dict[str, Any]:
        """Return all regions directly below one, with the parent's unplaced people."""
        return await self._get(f"{self.stack.addresses.coverage}/v1/regions/{code}/children", limit="500")

    async def alerts(self, region: str) -> list[dict[str, Any]]:
        """Return the alerts of a region and all below it."""
        page = await self._get(f"{self.stack.addresses.notifier}/v1/alerts", region=region)
        return list(page["items"])

    def mails(self) -> list[EmailMessage]:
        """Return what the mailbox has received, oldest first."""
        return mails(self._home.mailbox)

    def logs(self) -> dict[str, str]:
        """Return the log of each process by name."""
        return {file.stem: file.read_text(errors="replace") for file in self._home.logs.glob("*.log")}

    def token(self, name: str) -> str:
        """Return one of the ready tokens."""
        return (self._home.tokens / f"{name}.jwt").read_text().strip()

    def upstream_token(self, valid_for: timedelta) -> str:
        """Return an upstream system's token of another lifetime."""
        (grant,) = (grant for grant in READY if grant.subject == "upstream")
        return self.stack.keys.issue_token(grant, datetime.now(UTC), valid_for)

    def story(self, console: Console, one_to: int, lines: int = LINES) -> AbstractAsyncContextManager[Story]:
        """Return the sample, to be told act by act."""
        return opened_story(self.stack.addresses, self._home.tokens, self._home.mailbox, console, one_to, lines)

    async def play(self, console: Console, one_to: int) -> None:
        """Play the sample from beginning to end."""
        await play(self.stack.addresses, self._home.tokens, self._home.mailbox, console, one_to)

    async def _get(self, url: str, **query: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token('operator')}"}
        answer = await self._http.get(url, params=query, headers=headers)
        assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text}"
        body: dict[str, Any] = answer.json()
        return body


def enrolled(nik: str, *, region: str = "51.03.01.1001", source: str = "bpjs/aceh") -> dict[str, Any]:
    """Return an enrolment with an id of its own, outside the sample's province, paid for months to come."""
    now = datetime.now(UTC)
    data = {
        "identity": {"scheme": "nik", "value": nik},
        "region": region,
        "segment": "BPU",
        "paid_through": f"{now + timedelta(days=120):%Y-%m}",
    }
    return {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": source,
        "type": "cakupan.enrolled.v1",
        "time": (now - timedelta(days=1)).isoformat(),
        "data": data,
    }
