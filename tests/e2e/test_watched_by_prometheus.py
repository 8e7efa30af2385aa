"""A real Prometheus watches the running stack, and finds data behind every expression of rules and dashboards."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from deploy.grafana.boards import BOARDS, Panel
from deploy.local.ports import free_ports
from tests.deploy.prometheus import PROMETHEUS, PROMTOOL, needs_prometheus
from tests.e2e.world import World, enrolled
from tests.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
RULE_FILES: Final = [ROOT / "deploy/prometheus" / name for name in ("alerts.yaml", "slo.yaml")]
SHOWN: Final = ROOT / ".local/panels.txt"
"""What each panel showed in the last run, for whoever has no Grafana (docs/adr/0042-prometheus-and-grafana.md)."""
SERVICES: Final = ("registry", "coverage", "notifier")
POTENTIALS: Final = (
    "region,basis,valid_from,value,source,definition\n53,workers,2023-09-01,1000,cakupan/test,invented\n"
)
EMPTY: Final = {
    'ALERTS{alertstate="firing"}': "nothing need be wrong",
    'certmanager_certificate_expiration_timestamp_seconds{name=~"cakupan.*|(registry|coverage|notifier)-tls"}':
        "cert-manager runs in Kubernetes only",
    'strimzi_certificate_expiration_timestamp_ms{cluster=~"cakupan.*"}': "Strimzi runs in Kubernetes only",
    "trusted_ca_expiration_timestamp_seconds": "the local stack has no TLS",
}  # fmt: skip
"""The only selectors that may have no series, and why."""
HIDDEN: Final = {
    "time() - (max(coverage_verify_last_pass_timestamp_seconds) > 0)": "empty until the first proof has ended",
}
"""Expressions whose selectors have series that they may leave out, and why."""
_SELECTOR: Final = re.compile(
    r"\b(?:(?:registry|coverage|notifier|kafka|dead|http|trusted|certmanager|strimzi)_|slo:|ALERTS)[a-z0-9_:]*(?:\{[^}]*\})?"
)

pytestmark = needs_prometheus


class Prometheus:
    """A running Prometheus that scrapes the stack once a second."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        answer = await self._http.get("/api/v1/query", params={"query": expr})
        assert answer.status_code == 200, f"{expr}: {answer.text}"
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    async def rules(self) -> list[dict[str, Any]]:
        """Return the rules that are loaded, with their health."""
        groups = (await self._http.get("/api/v1/rules")).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@asynccontextmanager
async def started(world: World, folder: Path) -> AsyncIterator[Prometheus]:
    """Yield a Prometheus with our rules, evaluated every second; stop it afterwards."""
    (port,) = free_ports(1)
    targets = {name: world.config.operators_url(name).removeprefix("http://") for name in SERVICES}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(file) for file in RULE_FILES],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [target]}]} for name, target in targets.items()
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    command = [
        PROMETHEUS, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ready() -> bool:
                assert process.returncode is None, (folder / "log").read_text()
                try:
                    return (await http.get("/-/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready, within_s=60)
            yield Prometheus(http)
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="module")
async def prometheus(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """Prometheus, beside a stack with one fact at least and a province whose potential workers are known."""
    csv = {"content-type": "text/csv"}
    put = await world.request("PUT", "coverage", "/v1/potentials", "operator", content=POTENTIALS, headers=csv)
    assert put.status_code == 200, put.text
    assert (await world.post(enrolled("5371010101900001", region="53.71.01.1001"))).status_code == 202
    async with started(world, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


def rules_of_files() -> list[dict[str, Any]]:
    """Return all rules as they are written."""
    files = [yaml.safe_load(file.read_text()) for file in RULE_FILES]
    return [rule for content in files for group in content["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, Panel]]:
    """Yield each panel with the title of its board."""
    for board in BOARDS:
        for row in board.rows.values():
            yield from ((board.title, panel) for panel in row)


def asked(expr: str) -> str:
    """Return a panel's expression as Grafana asks for it."""
    return expr.replace("$__rate_interval", "5m")


def is_optional(expr: str) -> bool:
    """Say whether the expression as a whole may have no result."""
    return expr in HIDDEN or not EMPTY.keys().isdisjoint(_SELECTOR.findall(expr))


async def test_prometheus_evaluates_every_rule(prometheus: Prometheus) -> None:
    """All are loaded, and none has an error."""

    async def evaluated() -> bool:
        rules = await prometheus.rules()
        assert len(rules) == len(rules_of_files())
        assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
        return True

    await eventually(evaluated, within_s=60)


async def test_there_is_data_behind_every_selector(prometheus: Prometheus) -> None:
    """A label or name that nothing has would give an empty panel, or an alert that never fires."""
    expressions = [asked(expr) for _, panel in panels() for expr in panel.lines]
    expressions += [rule["expr"] for rule in rules_of_files()]
    found = {expr: set(_SELECTOR.findall(expr)) for expr in expressions}
    assert [expr for expr, selectors in found.items() if not selectors and not expr.startswith("vector(")] == []
    selectors = set[str]().union(*found.values())
    assert selectors >= EMPTY.keys()

    async def all_there() -> bool:
        assert [one for one in sorted(selectors - EMPTY.keys()) if not await prometheus.query(one)] == []
        return True

    await eventually(all_there, within_s=60)


async def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    """Each expression has a result, which is written to `.local/panels.txt` as Grafana would name its lines."""
    exprs = [asked(expr) for _, panel in panels() for expr in panel.lines]
    assert HIDDEN.keys() <= set(exprs)

    async def all_shown() -> bool:
        assert [expr for expr in exprs if not is_optional(expr) and not await prometheus.query(expr)] == []
        return True

    await eventually(all_shown, within_s=60)
    SHOWN.parent.mkdir(exist_ok=True)
    SHOWN.write_text("\n".join([line async for line in printed(prometheus)]) + "\n")


async def printed(prometheus: Prometheus) -> AsyncIterator[str]:
    """Yield the lines of all panels: board and title, then legend and value of each series."""
    for board, panel in panels():
        yield f"{board} / {panel.title} ({panel.unit})"
        for expr, legend in panel.lines.items():
            for one in await prometheus.query(asked(expr)):
                yield f"    {legend_of(legend, one['metric'])}: {one['value'][1]}"


def legend_of(legend: str, labels: dict[str, str]) -> str:
    """Return the legend with the values of the labels that it names."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), legend)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_metrics_are_as_prometheus_asks_for(world: World, service: str) -> None:
    """Names, units and help texts pass `promtool check metrics`."""
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{world.config.operators_url(service)}/metrics")).content
    said = await asyncio.to_thread(
        subprocess.run, [PROMTOOL, "check", "metrics"], input=metrics, capture_output=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
