"""One launcher a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.runtime.errors import PermanentError


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold the lock during the block; the kernel frees it when this process ends, however it ends.

    Raises: PermanentError naming the process that holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise PermanentError(
                f"a stack already runs on {file.parent} (process {held.read().strip()}); stop it first with Ctrl-C"
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield
