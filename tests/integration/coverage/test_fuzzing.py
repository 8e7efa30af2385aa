"""Requests that nobody thought of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import findings
from tests.integration.coverage.stack import Stack
from tests.serving import listening


@pytest.mark.parametrize("scope", ["coverage:read reference:write", "facts:write", None])
async def test_schemathesis_finds_nothing(stack: Stack, tmp_path: Path, scope: str | None) -> None:
    """Requests generated from the OpenAPI document get the answers that it promises, whoever sends them."""
    async with listening(stack.api()) as url:
        found = await findings(url, stack.issuer.token(scope=scope) if scope else None, tmp_path)
        assert found is None, found
