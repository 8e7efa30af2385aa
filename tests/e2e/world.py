"""The whole real stack as a test sees it: from outside."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from deploy.local.mailbox.letters import Letter, Letters
from deploy.local.settings import ANY_PORTS, StackConfig, StackSettings
from deploy.local.stack import LocalStack, Part, services
from shared.adapters.settings import CommonSettings
from tests.e2e import profiling
from tests.e2e.severing import Line, line_to

WATCHED: Final = str(Path(__file__).parent / "watched.py")


@asynccontextmanager
async def started_world(folder: Path, kafka_bootstrap: str, mongodb_uri: str) -> AsyncIterator[World]:
    """Yield a stack on servers that run already, with ports, names and files of its own; stop it afterwards."""
    mongodb = urlsplit(mongodb_uri)
    password = "".join(mongodb.netloc.rpartition("@")[:2])
    async with line_to(mongodb.hostname or "127.0.0.1", mongodb.port or 27017) as (line, port):
        settings = StackSettings(
            folder=folder,
            kafka_bootstrap=kafka_bootstrap,
            mongodb_uri=f"mongodb://{password}127.0.0.1:{port}/?directConnection=true",
            namespace=f"e2e{uuid.uuid4().hex[:6]}.",
            **ANY_PORTS,
        )
        stack = LocalStack(settings, watched)
        profiling.start(mongodb_uri, databases_of(settings.namespace))
        try:
            await stack.start()
            async with httpx.AsyncClient(timeout=30) as http:
                yield World(stack, http, line, mongodb_uri)
        finally:
            await stack.stop()


def watched(config: StackConfig) -> Sequence[Part]:
    """Return the services, each with a watch on its event loop."""
    return [
        replace(part, command=(sys.executable, WATCHED, str(long_turns(config, part.name)), *_named(part)))
        for part in services(config)
    ]


def _named(part: Part) -> Sequence[str]:
    """Return a part's command, by the name of the program instead of its path."""
    return [Path(part.command[0]).name, *part.command[1:]]


def long_turns(config: StackConfig, service: str) -> Path:
    """Return the file in which the long turns of a service's event loop are noted."""
    return config.home.root / f"{service}.turns"


class World:
    """One running stack, the connection through which its services reach MongoDB, and how to speak to the services."""

    def __init__(self, stack: LocalStack, http: httpx.AsyncClient, mongodb_line: Line, mongodb_uri: str) -> None:
        self.stack, self.config = stack, stack.config
        self.mongodb_line, self.mongodb_uri = mongodb_line, mongodb_uri
        self.databases = databases_of(self.config.namespace)
        self._http = http

    async def request(self, method: str, service: str, path: str, token: str = "", **given: Any) -> httpx.Response:
        """Send a request to a service by its name, with one of the ready tokens or none."""
        headers = {"authorization": f"Bearer {self.config.home.token(token)}"} if token else {}
        headers |= given.pop("headers", {})
        return await self._http.request(method, f"{self.config.url(service)}{path}", headers=headers, **given)

    async def post(self, fact: dict[str, Any], token: str = "upstream") -> httpx.Response:
        """Send a fact to the registry."""
        structured = {"content-type": "application/cloudevents+json"}
        return await self.request("POST", "registry", "/v1/facts", token, content=json.dumps(fact), headers=structured)

    async def region(self, code: str) -> dict[str, Any]:
        """Return a region as coverage gives it to an operator."""
        return await self.get("coverage", f"/v1/regions/{code}")

    async def get(self, service: str, path: str) -> dict[str, Any]:
        """Return what a service answers to an operator."""
        answer = await self.request("GET", service, path, "operator")
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        body: dict[str, Any] = answer.json()
        return body

    def mails(self, to: str = "") -> list[Letter]:
        """Return what the mailbox has received, or what one official has, newest first."""
        return [letter for letter in Letters(self.config.home.mailbox).all() if to in letter.to]

    def logs(self) -> dict[str, str]:
        """Return the log of each process by name."""
        return {file.stem: file.read_text(errors="replace") for file in self.config.home.logs.glob("*.log")}


def databases_of(namespace: str) -> list[str]:
    """Return the names of the three services' databases in a stack."""
    settings = CommonSettings(namespace=namespace)
    return [settings.database(service) for service in ("registry", "coverage", "notifier")]


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
