"""Prometheus alerts: each has its runbook, and asks only for metrics that our services give."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.coverage.counting.metrics import CountingMetrics
from services.coverage.proof.metrics import ProofMetrics
from services.coverage.publishing.metrics import PublishingMetrics
from services.notifier.delivery.metrics import DeliveryMetrics
from services.notifier.live.metrics import LiveMetrics
from services.registry.intake.metrics import IntakeMetrics
from services.registry.relay.metrics import RelayMetrics, SweepMetrics
from shared.adapters.dead_letters import DeadLetters
from shared.adapters.kafka_access import KafkaAccess
from shared.contracts import topics

ROOT = Path(__file__).parents[2]
ALERTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0][
    "rules"
]
NAMES = [alert["alert"] for alert in ALERTS]


@pytest.fixture(scope="module")
def given() -> set[str]:
    """The names of all metrics of all services."""
    registry = CollectorRegistry()
    IntakeMetrics(registry)
    RelayMetrics(registry)
    SweepMetrics(registry)
    CountingMetrics(registry)
    PublishingMetrics(registry)
    ProofMetrics(registry)
    DeliveryMetrics(registry)
    LiveMetrics(registry, topics.SNAPSHOTS.name)
    DeadLetters(KafkaAccess("127.0.0.1:1").broker(), topics.CHANGES_DEAD, registry)
    families = [metric.name for metric in registry.collect()]
    return {*families, *(f"{name}_total" for name in families)}


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_asks_for_metrics_that_are_given(alert: dict[str, Any], given: set[str]) -> None:
    """A renamed metric would silence it."""
    asked = set(re.findall(r"\b(?:registry|coverage|notifier|kafka|dead)_[a-z_]+", alert["expr"]))
    assert asked
    assert asked <= given


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_has_its_runbook_named_after_it(alert: dict[str, Any]) -> None:
    """Whoever is called finds what it means, where to look and what to do."""
    assert alert["annotations"]["runbook"] == f"docs/runbooks/{alert['alert']}.md"
    text = (ROOT / alert["annotations"]["runbook"]).read_text()
    assert text.startswith(f"# {alert['alert']}\n")
    assert all(part in text for part in ("**What it means.**", "**Look.**", "**Do.**"))
