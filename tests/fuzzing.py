"""Runs Schemathesis against a listening service."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
_EXAMPLES = 10


async def findings(url: str, token: str | None, folder: Path) -> str | None:
    """Return what Schemathesis has to say against the service, None where it finds nothing.

    It sends what the OpenAPI document allows and what it forbids, in paths, queries and bodies, with the token, without
    it and with a wrong one; hooks of ours add headers that a stranger might send. What it would remember for its next
    run stays in the folder.
    """
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
        *(["--header", f"Authorization:Bearer {token}"] if token else []),
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(_EXAMPLES), "--generation-deterministic",
        # What the schema allows may still be refused: no schema holds the region list or the rules of programmes.
        "--checks", "all", "--exclude-checks", "positive_data_acceptance",
        "--continue-on-failure", "--no-color",
        # It never ends, and would be waited for.
        "--exclude-path", "/v1/stream",
    ]  # fmt: skip
    running = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(_HOOKS), "PYTHONPATH": str(_ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    return said.decode() if running.returncode else None
