"""The operator's guide to reference data: each of its examples does what it says, on a running coverage."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from services.coverage.app import build
from services.coverage.reference.schemas import KINDS
from tests.integration.coverage.stack import prepared
from tests.serving import listening

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs" / "reference-data.md").read_text()
BLOCKS: Final = {
    (how, name): text for how, name, text in re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", GUIDE, re.S | re.M)
}
SOURCE: Final = ROOT / "services" / "coverage" / "application"


@dataclass(frozen=True)
class Desk:
    """Where an operator sits: a folder with the guide's files and a token, and a shell that knows coverage."""

    folder: Path
    environment: dict[str, str]

    async def run(self, script: str) -> tuple[int, str]:
        """Return the exit code of an example and all that it prints."""
        running = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await running.communicate()
        return running.returncode or 0, said.decode()


@pytest.fixture
async def desk(kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A running coverage, and the files of the guide beside a token."""
    stack = await prepared(kafka_bootstrap, mongodb_uri, namespace, tmp_path)
    for (_, name), text in BLOCKS.items():
        if "." in name:
            (tmp_path / name).write_text(text)
    (tmp_path / "token.jwt").write_text(stack.issuer.token(scope="coverage:read reference:write"))
    async with listening(build(stack.settings())) as url:
        environment = {
            "COVERAGE": url,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        yield Desk(tmp_path, environment)
    await stack.producer.stop()


def test_every_kind_and_every_code_is_explained() -> None:
    """A kind or a code that is added later needs its example or its line."""
    assert {name for how, name in BLOCKS if how == "csv"} == {f"{kind}.csv" for kind in KINDS} | {"wrong.csv"}
    source = "".join(path.read_text() for path in sorted(SOURCE.rglob("*.py")))
    codes = set(re.findall(r'Fault\(\s*"(\w+)"', source))
    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"`{code}`" not in GUIDE] == []


async def test_the_examples_do_what_they_say(desk: Desk) -> None:
    """Tried, loaded, loaded over HTTP where the potentials are known already, refused, listed, and asked for."""
    assert await desk.run(BLOCKS["sh", "load"]) == (0, BLOCKS["text", "load"])
    code, said = await desk.run(BLOCKS["sh", "put"])
    assert code == 0, said
    answers = [json.loads(answer) for answer in re.findall(r"\{.*?\}", said)]
    assert [(answer["rows"], answer["recorded"]) for answer in answers] == [
        (3, 0), (2, 1), (2, 2), (2, 2), (1, 1), (1, 1),
    ]  # fmt: skip
    assert await desk.run(BLOCKS["sh", "refused"]) == (1, BLOCKS["text", "refused"])
    code, said = await desk.run(BLOCKS["sh", "list"])
    assert [item["value"] for item in json.loads(said)["items"]] == [1_710_891, 1_601_559]
    code, said = await desk.run(BLOCKS["sh", "provenance"])
    (workers,) = json.loads(said)["potentials"]
    assert (workers["value"], [period["breaks"] for period in workers["history"]]) == (1_601_559, [False, True])
    by_json = BLOCKS["sh", "put"].replace("text/csv", "application/json").replace("@$kind.csv", "@targets.json")
    code, said = await desk.run(re.sub(r"for kind in .*;", "for kind in targets;", by_json))
    assert (code, json.loads(said)["recorded"]) == (0, 1), said
