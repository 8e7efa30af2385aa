"""A file of rules is taken once when it is good, and told once when it is bad."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.notifier.live.metrics import LiveMetrics
from services.notifier.live.rules_file import WatchedRules
from tests.alerts_trace import rule

GOOD, OTHER = json.dumps({"rules": [rule()]}), json.dumps({"rules": [rule("other")]})
BAD = json.dumps({"rules": [rule(kind="none")]})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with good rules."""
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    return file


@pytest.fixture
def metrics() -> CollectorRegistry:
    """Where the metrics are."""
    return CollectorRegistry()


@pytest.fixture
def watched(file: Path, metrics: CollectorRegistry) -> WatchedRules:
    """The file, watched; nothing is in force yet."""
    return WatchedRules(file, lambda _: True, LiveMetrics(metrics, "topic"))


def is_bad(metrics: CollectorRegistry) -> bool:
    """Return what the metric says."""
    return metrics.get_sample_value("notifier_rules_file_bad") == 1


def test_a_content_is_given_once(watched: WatchedRules, file: Path) -> None:
    """Not again while it stays, nor where it is in force already after a restart."""
    first = watched.changed()
    assert first is not None
    assert [each.id for each in first.event.rules] == ["low"]
    assert watched.changed() is None
    file.write_text(OTHER)
    watched.in_force(OTHER)
    assert watched.changed() is None


def test_a_bad_content_is_told_until_it_is_mended(
    watched: WatchedRules, file: Path, metrics: CollectorRegistry
) -> None:
    """Trouble names the file; going back to what is in force mends it and gives nothing new."""
    watched.changed()
    file.write_text(BAD)
    assert watched.changed() is None
    assert watched.trouble is not None
    assert (str(file) in watched.trouble, watched.any_in_force, is_bad(metrics)) == (True, True, True)
    assert watched.changed() is None
    file.write_text(GOOD)
    assert watched.changed() is None
    assert not watched.trouble
    assert not is_bad(metrics)


def test_a_file_that_was_away_is_taken_when_it_is_back(watched: WatchedRules, file: Path) -> None:
    """Without any rules in force, its absence is trouble of the whole replica."""
    file.unlink()
    assert watched.changed() is None
    assert (watched.any_in_force, watched.trouble is None) == (False, False)
    file.write_text(GOOD)
    assert watched.changed() is not None
    assert watched.trouble is None
