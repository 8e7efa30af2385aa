"""A whole local stack with stand-ins for the services, as a program: so that a test can kill the launcher itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from deploy.local.settings import ANY_PORTS, StackConfig, StackSettings
from deploy.local.stack import LocalStack, Part, keep_up

STAND_IN = str(Path(__file__).parent / "stand_in.py")


def stand_ins(config: StackConfig) -> Sequence[Part]:
    """Return a stand-in for each service."""
    names = ("registry", "coverage", "notifier")
    return [Part(name, (sys.executable, STAND_IN, str(config.ports[f"{name}_operators"]))) for name in names]


def settings_in(folder: Path, kafka_bootstrap: str = "", mongodb_uri: str = "") -> StackSettings:
    """Return settings with ports and files of their own."""
    return StackSettings(
        folder=folder,
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace="",
        **ANY_PORTS,
    )


if __name__ == "__main__":
    asyncio.run(keep_up(LocalStack(settings_in(Path(sys.argv[1])), stand_ins), Console()))
