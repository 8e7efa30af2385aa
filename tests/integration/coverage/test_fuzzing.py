"""Requests that nobody thought of."""

from __future__ import annotations

from pathlib import Path

from tests.fuzzing import findings
from tests.integration.coverage.stack import Stack
from tests.serving import listening


async def test_schemathesis_finds_nothing(stack: Stack, tmp_path: Path) -> None:
    """What is generated from the OpenAPI document gets the answers that the document promises."""
    async with listening(stack.api()) as url:
        found = await findings(url, stack.issuer.token(scope="coverage:read reference:write"), tmp_path)
        assert found is None, found
