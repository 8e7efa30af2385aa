"""Where Prometheus is. `make test` unpacks Debian's package into .tools/prometheus; else one on the PATH is taken."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

_UNPACKED: Final = Path(__file__).parents[2] / ".tools/prometheus/usr/bin"


def _program(name: str) -> str:
    unpacked = _UNPACKED / name
    return str(unpacked) if unpacked.exists() else shutil.which(name) or ""


PROMTOOL: Final = _program("promtool")
PROMETHEUS: Final = _program("prometheus")

needs_prometheus: Final = pytest.mark.skipif(
    not (PROMTOOL and PROMETHEUS), reason="Prometheus is not here (Debian: make .tools/prometheus/.installed)"
)
