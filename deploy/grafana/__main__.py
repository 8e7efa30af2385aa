"""Writes the dashboards as JSON for Grafana 11, from `boards.py`. `--check` fails where a committed file differs.

Only the environment .tools/grafana has the SDK: `.tools/grafana/bin/python -m deploy.grafana`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from deploy.grafana.boards import BOARDS, Board, Panel

FOLDER: Final = Path(__file__).parent / "dashboards"
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_COLUMNS: Final = 24
"""Width of Grafana's grid."""


def _panel(panel: Panel, span: int) -> Any:
    made = Stat() if panel.stat else TimeSeries().min(0)
    made.title(panel.title).description(panel.means).unit(panel.unit).datasource(_SOURCE).height(8).span(span)
    for number, (expr, legend) in enumerate(panel.lines.items()):
        query = Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number))
        made.with_target(query.instant() if panel.stat else query)
    return made


def render(board: Board) -> str:
    """Return the dashboard as JSON."""
    made = Dashboard(board.title).uid(board.uid).tags(["cakupan"]).refresh("30s").time("now-6h", "now").readonly()
    made.with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    for title, panels in board.rows.items():
        made.with_row(Row(title))
        for panel in panels:
            made.with_panel(_panel(panel, _COLUMNS // len(panels)))
    text: str = JSONEncoder(sort_keys=True, indent=2).encode(made.build())
    return f"{text}\n"


def main() -> int:
    """Write or check; return the exit code."""
    made = {f"{board.uid}.json": render(board) for board in BOARDS}
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    differing = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    for name in differing:
        if "--check" in sys.argv[1:]:
            sys.stderr.write(f"deploy/grafana/dashboards/{name} differs from boards.py; run 'make dashboards'\n")
        elif name in made:
            (FOLDER / name).write_text(made[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    return 1 if differing and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
