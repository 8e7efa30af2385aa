"""The operator's guide to reference data: every example does what the guide says, on a running coverage."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import pytest

from services.coverage.app import build
from services.coverage.cli import Reference
from services.coverage.reference.fields import NOT_WHOLE
from services.coverage.reference.schemas import KINDS
from tests.integration.coverage.stack import prepared
from tests.serving import listening

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs" / "reference-data.md").read_text()
BLOCKS: Final = {
    (how, name): text for how, name, text in re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", GUIDE, re.S | re.M)
}
SOURCE: Final = ROOT / "services" / "coverage" / "reference"


@dataclass(frozen=True)
class Desk:
    """An operator's folder with the guide's files and a token, and the environment of a shell."""

    folder: Path
    environment: dict[str, str]

    async def run(self, script: str) -> tuple[int, str]:
        """Return exit code and output of an example."""
        running = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await running.communicate()
        return running.returncode or 0, output.decode()


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
    assert get_args(Reference) == tuple(KINDS), "the command names every kind"
    source = "".join(path.read_text() for path in sorted(SOURCE.rglob("*.py")))
    codes = set(re.findall(r'fault\(\s*"(\w+)"', source)) | {code for _, code, *_ in NOT_WHOLE}
    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"`{code}`" not in GUIDE] == []


async def test_the_examples_do_what_they_say(desk: Desk) -> None:
    """They load files by the command and over HTTP, have one refused, list rows and read the provenance."""
    assert await desk.run(BLOCKS["sh", "load"]) == (0, BLOCKS["text", "load"])
    code, output = await desk.run(BLOCKS["sh", "put"])
    assert code == 0, output
    answers = [json.loads(answer) for answer in re.findall(r"\{.*?\}", output)]
    assert [(answer["rows"], answer["recorded"]) for answer in answers] == [
        (3, 0), (2, 1), (2, 2), (2, 2), (1, 1), (1, 1),
    ]  # fmt: skip
    assert await desk.run(BLOCKS["sh", "refused"]) == (1, BLOCKS["text", "refused"])
    code, output = await desk.run(BLOCKS["sh", "list"])
    assert [item["value"] for item in json.loads(output)["items"]] == [1_710_891, 1_601_559]
    code, output = await desk.run(BLOCKS["sh", "provenance"])
    (workers,) = json.loads(output)["potentials"]
    assert (workers["value"], [period["breaks"] for period in workers["history"]]) == (1_601_559, [False, True])
    by_json = BLOCKS["sh", "put"].replace("text/csv", "application/json").replace("@$kind.csv", "@targets.json")
    code, output = await desk.run(re.sub(r"for kind in .*;", "for kind in targets;", by_json))
    assert (code, json.loads(output)["recorded"]) == (0, 1), output
