"""The import command: sends a file, follows its import to the end, tells what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from services.registry.adapters.import_client import ImportClient, Job, Sending
from services.registry.adapters.import_screen import Screen
from services.registry.application.import_ports import Format, State
from shared.runtime.errors import PermanentError

ALL_TAKEN, SOME_REJECTED, TROUBLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes; the last is what shells give for Ctrl-C."""
_LOOK_EVERY_S: Final = 0.5
_ENDED: Final = {State.DONE, State.CANCELLED, State.FAILED}
_SUFFIXES: Final = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON}


def format_of(file: Path) -> Format:
    """Return the format that the file's name tells. Raises: PermanentError where it tells none."""
    name = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    if name.suffix.lower() not in _SUFFIXES:
        raise PermanentError(f"{file} ends in none of {', '.join(_SUFFIXES)}; say what it is with --format")
    return _SUFFIXES[name.suffix.lower()]


def import_file(
    client: ImportClient, sending: Sending, screen: Screen, rejects: Path, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Return the exit code once the import has ended; sent again after a kill, a file goes on where it was.

    Ctrl-C leaves the import to the server, and says how to come back to it.
    """
    key = sending.key()
    try:
        with screen:
            job = client.find(key)
            if job is None:
                size = sending.file.stat().st_size
                job = client.send(sending, key, lambda sent: screen.sent(sent, size))
            else:
                screen.say(_known(job))
            while job["state"] not in _ENDED:
                screen.imported(job)
                sleep(_LOOK_EVERY_S)
                job = client.job(job["id"])
            screen.imported(job)
    except KeyboardInterrupt:
        screen.say(
            "Stopped looking. A file that was sent goes on; the same command comes back to it, --cancel ends it."
        )
        return INTERRUPTED
    return _tell(client, job, screen, rejects)


def cancel(client: ImportClient, sending: Sending, screen: Screen) -> int:
    """Cancel the import that this file has become, and return the exit code."""
    job = client.find(sending.key())
    if job is None:
        screen.say("This file is not being imported.")
        return TROUBLE
    screen.say(f"Import {client.cancel(job['id'])['id']} ends after the lines under way; what is stored stays.")
    return ALL_TAKEN


def _known(job: Job) -> str:
    if job["state"] in _ENDED:
        return f"This file was imported before, as {job['id']}; --again imports it once more."
    return f"This file was sent before, as {job['id']}; following it."


def _tell(client: ImportClient, job: Job, screen: Screen, rejects: Path) -> int:
    screen.summary(job, _seconds(job))
    client.keep_rejected(job, rejects)
    rejected = job["outcomes"]["refused"] + job["outcomes"]["conflict"]
    screen.say(f"{rejected:,} rejected lines, with reasons: {rejects}")
    if job["state"] != State.DONE:
        screen.say(f"The import was {job['state']}{': ' + job['detail'] if job['detail'] else ''}")
        return TROUBLE
    return SOME_REJECTED if rejected else ALL_TAKEN


def _seconds(job: Job) -> float:
    """Return how long the server worked on it, waits and restarts included."""
    if not job["started_at"] or not job["ended_at"]:
        return 0.0
    return (datetime.fromisoformat(job["ended_at"]) - datetime.fromisoformat(job["started_at"])).total_seconds()
