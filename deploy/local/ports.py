"""Loopback ports: free ones, and the same again at the next start."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from deploy.local.settings import write_whole
from shared.runtime.errors import PermanentError

LOOPBACK: Final = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Say whether a server could listen there now."""
    with socket.socket() as trial:
        # As servers do: a port whose last connections are still ending is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return that many different ports on which nothing listens."""
    with ExitStack() as held:
        trials = [held.enter_context(socket.socket()) for _ in range(count)]
        for trial in trials:
            trial.bind((LOOPBACK, 0))
        return [trial.getsockname()[1] for trial in trials]


def remembered_ports(file: Path, names: list[str]) -> dict[str, int]:
    """Return a free port for each name: the one of the last start where it is still free; and remember it."""
    known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    # A port that another name remembers is free now and will not be for long.
    fresh = iter(set(free_ports(len(names) + len(known))) - set(known.values()))
    chosen = {name: known[name] if name in known and is_free(known[name]) else next(fresh) for name in names}
    write_whole(file, json.dumps(known | chosen))
    return chosen


def demand_free(name: str, port: int, variable: str, host: str = LOOPBACK) -> None:
    """Return if the port is free.

    Raises: PermanentError that names the port, who wants it and the variable that moves it.
    """
    if not is_free(port, host):
        raise PermanentError(f"port {port} for {name} is taken; stop what listens there or set {variable}")
