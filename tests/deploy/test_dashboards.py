"""Grafana's dashboards: committed as they are made, and laid out so that nothing covers anything."""

from __future__ import annotations

import json
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.boards import BOARDS

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".tools/grafana/bin/python"
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text()) for file in (ROOT / "deploy/grafana/dashboards").glob("*.json")
}


def test_each_expression_of_the_boards_is_in_the_committed_dashboards() -> None:
    """No dashboard is missing, and none is older than its board."""
    assert {board.uid for board in BOARDS} == DASHBOARDS.keys()
    for board in BOARDS:
        shown = [panel for panel in DASHBOARDS[board.uid]["panels"] if panel["type"] != "row"]
        planned = [panel for panels in board.rows.values() for panel in panels]
        assert [panel["title"] for panel in shown] == [panel.title for panel in planned]
        assert [[one["expr"] for one in panel["targets"]] for panel in shown] == [list(one.lines) for one in planned]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panels_lie_side_by_side(uid: str) -> None:
    """Within the 24 columns, and none upon another."""
    places = [panel["gridPos"] for panel in DASHBOARDS[uid]["panels"]]
    assert all(one["x"] >= 0 and one["x"] + one["w"] <= 24 for one in places)
    for a, b in combinations(places, 2):
        apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart_x or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]


@pytest.mark.skipif(not PYTHON.exists(), reason="Grafana's SDK is not here: make .tools/grafana/.installed")
def test_they_are_made_identically() -> None:
    """From the same boards and SDK come the same bytes; `make lint` checks it, too."""
    said = subprocess.run([PYTHON, "-m", "deploy.grafana", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
