"""Makes the PrometheusRule of components/prometheus from deploy/prometheus, where rules are written and tested.

`make contracts` calls it; a test compares the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent
FILE = _HERE / "components" / "prometheus" / "rules.yaml"
SOURCES = _HERE.parent / "prometheus"
_HEAD = "# Derived from deploy/prometheus by `make contracts`; change the rules there.\n"


def render() -> str:
    """Return the text of the PrometheusRule: all groups of all files of rules."""
    files = [yaml.safe_load(file.read_text()) for file in sorted(SOURCES.glob("*.yaml"))]
    groups: list[Any] = [group for content in files for group in content.get("groups", [])]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "cakupan"},
        "spec": {"groups": groups},
    }
    return _HEAD + yaml.safe_dump(resource, sort_keys=False, width=120)


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
