"""What a service writes to its standard output and error, for a test to read."""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import Any

import pytest

from shared.runtime import logging as json_logging


class Output:
    """What a service with our logging has written to its standard output and error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __enter__(self) -> Output:
        root = logging.getLogger()
        self._before = root.handlers, root.level, sys.excepthook, threading.excepthook
        json_logging.configure("registry", "INFO")
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.handlers, root.level, sys.excepthook, threading.excepthook = self._before

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log; nothing is written beside it."""
        written = self._capsys.readouterr()
        assert written.err == ""
        return [json.loads(line) for line in written.out.splitlines()]
