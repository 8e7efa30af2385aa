"""What keeps a service's event loop: requests that are expensive, and the turns that took too long."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.watched import LONGEST_S
from tests.e2e.world import World, long_turns

_OFTEN = 3
"""Of 800 turns of 20.2 and 24 ms, on a machine with more to do than processors, 797 were interrupted three times."""
SERVICES = ("registry", "coverage", "notifier")
_EXPENSIVE = (
    "/v1/regions?q=a,e,i,o,u,a,e,i,o,u", "/v1/regions?q=desa%20sukamaju%20kabupaten", "/v1/regions/ID",
    "/v1/regions/ID?as_of=2026-01-31&known_at=1990-01-01", "/v1/regions/ID/children?limit=500&sort=-due",
    "/v1/reports/monev?region=ID&format=xlsx", "/v1/reports/monev?region=11&format=csv",
    "/v1/regions/ID/history?from=1977-01-01&to=2026-11-01&step=day",
    "/v1/regions/11/flows?from=1977-01-01&to=2026-11-01",
    "/v1/regions/ID/quota?group=vulnerable", "/v1/regions/ID/provenance", "/v1/regions/ID/due?days=365&by=child",
    "/v1/releases", "/openapi.json", "/docs", "/asyncapi",
)  # fmt: skip
"""What takes long, of a service that has to serve others meanwhile; some of it is refused."""


async def ask_what_is_expensive(world: World) -> None:
    """Ask for all of it, with a token and without. None of it may be a fault of the service."""
    for path in _EXPENSIVE:
        for token in ("operator", ""):
            answer = await world.request("GET", "coverage", path, token)
            assert answer.status_code < 500, f"{path}: {answer.text}"
    for service in SERVICES:
        (await world.request("GET", service, "/openapi.json")).raise_for_status()


def too_long(world: World) -> list[str]:
    """Return what is known of each turn of a service's loop that took over 20 ms of the processor's time."""
    return [f"{service}: {_told(turn)}" for service in SERVICES for turn in _turns(world, service) if _is_long(turn)]


def _turns(world: World, service: str) -> list[dict[str, Any]]:
    file = long_turns(world.config, service)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _is_long(turn: dict[str, Any]) -> bool:
    """Say so without the time of Python's collector, which in a large process is rare and long.

    A turn that runs for 20 ms is interrupted three times or more, one with a pause of the machine as often as it ran.
    """
    return bool(turn["seen"] >= _OFTEN and turn["ms"] - turn["collecting_ms"] > LONGEST_S * 1000)


def _told(turn: dict[str, Any]) -> str:
    """Return what took so long, and where the turn was half way."""
    head = f"{turn['ms']} ms ({turn['collecting_ms']} of them collecting garbage) in {turn['what']}"
    return "\n    ".join([head, *turn["stack"]])
