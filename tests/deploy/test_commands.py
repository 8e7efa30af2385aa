"""What a newcomer types, and the one line they see when something is in the way."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from deploy.local.settings import ANY_PORTS, REPOSITORY

CLOSED = {"CAKUPAN_KAFKA_BOOTSTRAP": "127.0.0.1:1", "CAKUPAN_MONGODB_URI": "mongodb://127.0.0.1:1/"}
PORTS = {name.upper(): "0" for name in ANY_PORTS if name != "smtp_port"}


async def local(command: str, folder: Path, **environment: str) -> tuple[int | None, str, list[str]]:
    """Return exit code, output and lines of error of a command of the local stack."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local", command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, **PORTS, "CAKUPAN_LOCAL": str(folder), **environment},
    )
    out, error = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), error.decode().splitlines()


async def test_a_taken_port_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    """It is found before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, errors = await local("up", tmp_path, **CLOSED, COVERAGE_PORT=str(port))
    assert (code, errors) == (
        1,
        [f"Error: port {port} for coverage is taken; stop what listens there or set COVERAGE_PORT"],
    )
    assert not list((tmp_path / "logs").iterdir())


async def test_a_server_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    """With its address."""
    code, _, errors = await local("up", tmp_path, **CLOSED)
    assert (code, errors[-1]) == (1, "Error: Kafka at 127.0.0.1:1 does not answer (KafkaConnectionError)")


@pytest.mark.parametrize(
    ("there", "error"),
    [
        (None, "found no Java: install a JDK 17 or newer"),
        ("echo 'openjdk version \"11.0.2\"' >&2", "found Java 11: install a JDK 17 or newer"),
    ],
)
async def test_a_java_that_does_not_fit_is_one_line(tmp_path: Path, there: str | None, error: str) -> None:
    """Missing or too old: what was found and what to install."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if there is not None:
        (programs / "java").write_text(f"#!{shutil.which('sh')}\n{there}\n")
        (programs / "java").chmod(0o755)
    code, _, errors = await local("up", tmp_path / "home", PATH=str(programs), CAKUPAN_KAFKA_BOOTSTRAP="")
    assert (code, len(errors)) == (1, 1)
    assert error in errors[0]


async def test_make_alone_lists_every_target() -> None:
    """Each that a person may call, with what it does."""
    process = await asyncio.create_subprocess_exec("make", stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY)
    out, _ = await process.communicate()
    listed = {line.split()[1] for line in out.decode().splitlines()}
    assert listed == {
        "help", "run", "up", "reset", "test", "laws", "chaos", "lint", "type", "bench", "format", "lock", "contracts",
        "regions", "map", "messages", "pictures", "lighthouse", "mutants", "dashboards", "k8s-check", "sbom",
        "licences", "audit",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        ("exit 0", 0, "requirements.lock: no known vulnerability"),
        ("echo 'Found 1 known vulnerability in 1 package'; exit 1", 2, "Found 1 known vulnerability"),
        ("echo trace; echo 'could not be audited' >&2; exit 1", 2, "make audit needs PyPI itself"),
    ],
)
async def test_the_audit_says_in_a_line_what_it_found_or_needs(
    tmp_path: Path, said: str, code: int, expected: str
) -> None:
    """A package that the advisory database does not answer for is never taken as harmless."""
    program = tmp_path / "bin/pip-audit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(0o755)
    (tmp_path / ".installed").touch()
    process = await asyncio.create_subprocess_exec(
        *("make", "audit", f"LINT_TOOLS={tmp_path}"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=REPOSITORY,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == code
    assert expected in output.decode()
