"""Prometheus rules: each alert has its runbook and its tests, and asks only for metrics that our services give."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter

from services.coverage.counting.metrics import CountingMetrics
from services.coverage.proof.metrics import ProofMetrics
from services.coverage.public.metrics import ReleaseMetrics
from services.coverage.publishing.metrics import PublishingMetrics
from services.notifier.delivery.metrics import DeliveryMetrics
from services.notifier.live.metrics import LiveMetrics
from services.registry.identity.metrics import KeyMetrics
from services.registry.intake.metrics import IntakeMetrics
from services.registry.relay.metrics import RelayMetrics, SweepMetrics
from shared.adapters.certificates import show_expiry
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.kafka_access import KafkaAccess
from shared.contracts import topics
from tests.deploy.prometheus import PROMTOOL, needs_prometheus

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for name in ("alerts.yaml", "slo.yaml")
    for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
NAMES = [alert["alert"] for alert in ALERTS]
PROCEDURES = {"local-stack", "lost-topic", "rebuild"}
"""Runbooks of no alert: alerts' runbooks point to them."""


@pytest.fixture(scope="module")
def given() -> set[str]:
    """The names of all metrics of all services, and of the series of histograms."""
    registry = CollectorRegistry()
    IntakeMetrics(registry)
    RelayMetrics(registry)
    SweepMetrics(registry)
    CountingMetrics(registry)
    PublishingMetrics(registry)
    ProofMetrics(registry)
    ReleaseMetrics(registry)
    DeliveryMetrics(registry)
    LiveMetrics(registry, topics.SNAPSHOTS.name)
    DeadLetters(KafkaAccess("127.0.0.1:1").broker(), topics.CHANGES_DEAD, registry, "read")
    KeyMetrics(registry)
    show_expiry({}, registry)
    Counter("http_answers_total", "Of the middleware that all services share", registry=registry)
    families = [metric.name for metric in registry.collect()]
    return {f"{name}{suffix}" for name in families for suffix in ("", "_total", "_bucket", "_count", "_sum")}


def test_rules_ask_for_metrics_that_are_given(given: set[str]) -> None:
    """A renamed metric would silence an alert."""
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    for rule in RULES:
        asked = set(re.findall(r"\b(?:registry|coverage|notifier|kafka|dead|http|trusted)_[a-z_]+", rule["expr"]))
        assert asked <= given, rule
        assert set(re.findall(r"\bslo:[a-z0-9_:]+", rule["expr"])) <= recorded, rule


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_has_its_runbook_named_after_it(alert: dict[str, Any]) -> None:
    """Whoever is called finds what it means, where to look and what to do."""
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"
    text = (ROOT / alert["annotations"]["runbook_url"]).read_text()
    assert text.startswith(f"# {alert['alert']}\n")
    assert all(part in text for part in ("**What it means.**", "**Look.**", "**Do.**"))


def test_a_runbook_has_its_alert() -> None:
    """A page whose alert was renamed or removed would never be found."""
    assert {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")} - PROCEDURES == set(NAMES)


@needs_prometheus
def test_every_alert_fires_when_it_should_and_only_then() -> None:
    """By Prometheus' own tester of rules; each alert fires in one of its files, and is quiet before."""
    files = sorted(file.name for file in PROMETHEUS.glob("*_test.yaml"))
    tested = "".join((PROMETHEUS / name).read_text() for name in files)
    assert [name for name in NAMES if f'alertname="{name}"' not in tested and f"alertname: {name}" not in tested] == []
    said = subprocess.run([PROMTOOL, "test", "rules", *files], cwd=PROMETHEUS, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
