"""The guide for integrators: each of its examples does what it says, on a running registry."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from services.registry.app import build
from services.registry.domain.errors import RefusalCode
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from tests.integration.registry.serving import settings_in
from tests.serving import OPERATORS, listening
from tests.tokens import Issuer
from tests.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs" / "connect-your-system.md").read_text()
EXAMPLES: Final = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE))
FACTS_TOPIC: Final = "enrollment.facts.v1"


@dataclass(frozen=True)
class Desk:
    """Where a newcomer sits: a folder with the guide's files, and a shell that knows the registry."""

    folder: Path
    environment: dict[str, str]
    api: FastAPI

    async def run(self, name: str, **environment: str) -> str:
        """Return what the example prints; it must succeed."""
        program = ["bash", "-euo", "pipefail", "-c", EXAMPLES[name]]
        running = await asyncio.create_subprocess_exec(
            *([sys.executable, name] if name.endswith(".py") else program),
            cwd=self.folder,
            env=self.environment | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await running.communicate()
        assert running.returncode == 0, complained.decode()
        return said.decode()

    async def accepted(self) -> float:
        """Return how many facts the registry has accepted."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.api.state.operators)) as http:
            lines = (await http.get(f"http://{OPERATORS}/metrics")).text.splitlines()
        counts = [line for line in lines if line.startswith("registry_facts_total{") and 'outcome="accepted"' in line]
        return sum(float(line.rpartition(" ")[2]) for line in counts)


@pytest.fixture(scope="module")
async def desk(kafka_bootstrap: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A running registry, and the files of the guide beside it."""
    folder, issuer, namespace = tmp_path_factory.mktemp("desk"), Issuer(SystemClock()), f"t{uuid.uuid4().hex[:8]}."
    for name in EXAMPLES:
        if "." in name:
            (folder / name).write_text(EXAMPLES[name])
    settings = await settings_in(folder, issuer, kafka_bootstrap, mongodb_uri, namespace)
    await ensure_topics(KafkaAccess(kafka_bootstrap), [topic.under(namespace) for topic in topics.ALL])
    api = build(settings)
    async with listening(api) as url:
        environment = {
            "REGISTRY": url,
            "TOKEN": issuer.token(),
            "KAFKA": kafka_bootstrap,
            "TOPIC": f"{namespace}{FACTS_TOPIC}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        yield Desk(folder, environment, api)


def test_every_example_is_run_and_every_refusal_explained() -> None:
    """An example or a code that is added later needs its test or its line."""
    files = {"facts.ndjson", "facts.csv", "send.py", "publish.py"}
    assert EXAMPLES.keys() == {"single", "ndjson", "csv", "import"} | files
    assert [code for code in RefusalCode if f"`{code}`" not in GUIDE] == []


async def test_one_fact_is_sent_with_curl(desk: Desk) -> None:
    """And sent again it is known."""
    outcomes = [json.loads(await desk.run("single"))["outcome"] for _ in range(2)]
    assert outcomes == ["accepted", "duplicate"]


@pytest.mark.parametrize("name", ["ndjson", "csv"])
async def test_many_facts_are_sent_with_curl(desk: Desk, name: str) -> None:
    """Every line of the file is taken."""
    answer = json.loads(await desk.run(name))
    assert (answer["errors"], len(answer["results"])) == (False, 2)


async def test_the_program_sends_until_it_is_answered(desk: Desk) -> None:
    """It comes back after 503 and 429; what was stored all the same is then a duplicate."""
    api, refusals = FastAPI(), [503, 429]

    @api.post("/v1/facts")
    async def busy(request: Request) -> Response:
        headers = {name: request.headers[name] for name in ("authorization", "content-type")}
        async with httpx.AsyncClient(base_url=desk.environment["REGISTRY"], timeout=30) as http:
            answer = await http.post("/v1/facts", content=await request.body(), headers=headers)
        if refusals:
            return Response(status_code=refusals.pop(0), headers={"Retry-After": "0"})
        return Response(answer.content, answer.status_code, media_type="application/json")

    async with listening(api) as front:
        assert await desk.run("send.py", REGISTRY=front) == "duplicate\n"
    assert refusals == []


async def test_a_fact_comes_in_through_kafka(desk: Desk) -> None:
    """Published as the guide says, it is accepted."""
    before = await desk.accepted()
    await desk.run("publish.py")

    async def taken() -> Any:
        return await desk.accepted() == before + 1

    await eventually(taken)


async def test_a_file_is_imported_by_command(desk: Desk) -> None:
    """Every line of it is taken: the command ends without an error."""
    assert await desk.run("import")
