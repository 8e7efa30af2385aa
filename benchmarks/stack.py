"""A whole local stack for a benchmark: its own folder, ports and names, and its own rules for who is told."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from deploy.local.settings import ANY_PORTS, StackConfig, StackSettings
from deploy.local.stack import LocalStack, Part, Parts
from deploy.local.stack import services as all_services

_RULES: Final = {
    "rules": [
        {
            "id": "benchmark",
            "title": {"id": "cakupan mencapai 40%", "en": "coverage has reached 40%"},
            "kind": "threshold",
            "levels": ["regency"],
            "measure": "active",
            "direction": "above",
            "raise_at": "0.40",
            "clear_below": "0.39",
            "severity": "critical",
            "hears": ["kemenko_pmk"],
            "group_wait": "0s",
        }
    ]
}
_OFFICIALS: Final = {
    "officials": [
        {
            "id": "benchmark",
            "name": "Benchmark",
            "role": "kemenko_pmk",
            "region": "ID",
            "channels": [{"kind": "email", "address": "benchmark@cakupan.local"}],
        }
    ]
}


def registry_alone(config: StackConfig) -> Sequence[Part]:
    """Return the registry only: nobody else takes its cores."""
    return [part for part in all_services(config) if part.name == "registry"]


@asynccontextmanager
async def started_stack(services: Parts | None = None, **settings: Any) -> AsyncIterator[LocalStack]:
    """Yield a stack with fresh data, on servers that the environment names or on its own; forget it afterwards."""
    with tempfile.TemporaryDirectory(prefix="cakupan-bench-", ignore_cleanup_errors=True) as folder:
        chosen = StackSettings(
            folder=Path(folder),
            namespace=f"bench{uuid.uuid4().hex[:6]}.",
            **ANY_PORTS,
            **settings,
        )
        stack = LocalStack(chosen, services=services or _with_own_rules)
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()


def notifier_with(config: StackConfig, rules: Any) -> Part:
    """Return the notifier with these rules, and one official who hears of all."""
    files = config.home.root / "rules.yaml", config.home.root / "officials.yaml"
    for file, content in zip(files, (rules, _OFFICIALS), strict=True):
        file.write_text(json.dumps(content))
    part = next(part for part in all_services(config) if part.name == "notifier")
    return replace(part, environment={**part.environment, "NOTIFIER_RULES": str(files[0])}, officials=files[1])


def _with_own_rules(config: StackConfig) -> Sequence[Part]:
    """Return the services as ever, but the notifier watches every regency and tells one official of all."""
    others = [part for part in all_services(config) if part.name != "notifier"]
    return [*others, notifier_with(config, _RULES)]
