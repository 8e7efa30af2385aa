"""What a store keeps of the engine's state comes back as it was."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from services.notifier.engine import documents
from services.notifier.engine.decisions import HeldReason, Occasion
from services.notifier.engine.directory import Role
from services.notifier.engine.events import SnapshotRead
from services.notifier.engine.states import Phase
from services.notifier.engine.world import Alert, Digest, Mark, Region, Silence, Told, Waiting, Watch
from tests.alerts_trace import read_all, snap

WAITS = Waiting(
    "g", 3, Occasion.ESCALATED, Role.GUBERNUR, 2, ("email:a@x",), HeldReason.QUIET_HOURS, until=70, late=True
)
NEW = Waiting("h", 3, Occasion.RAISED, Role.SEKDA, 0)
ALERT = Alert(
    3, 40, because_potential=True, quiet=True, acknowledged_by="g", steps=2, at_once=True,
    told={"i": Told(Role.CAMAT, 50)}, waiting={"g": WAITS, "h": NEW},
    vacancies={(Occasion.REPEATED, 60, Role.BUPATI), (Occasion.RAISED, 0, Role.KEMNAKER)},
)  # fmt: skip
WATCH = Watch(
    Phase.RECOVERING, 30, t=45, episode=3, unknown_since=44, because_potential=True, alert=ALERT, recoveries=[WAITS]
)
OF_ALL = Silence("s", None, frozenset({"12", "11"}), 90)


def kept(document: documents.Dict) -> documents.Dict:
    """Return the document after it was text."""
    found: documents.Dict = json.loads(json.dumps(document))
    return found


@pytest.mark.parametrize("watch", [WATCH, Watch(), Watch(Phase.PENDING, 5)])
def test_a_watch_comes_back_with_its_alert_and_all_that_waits(watch: Watch) -> None:
    """Each field, whether it has a value or none."""
    assert documents.watch_of(kept(documents.watch_document(watch))) == watch


@pytest.mark.parametrize("silence", [OF_ALL, Silence("t", frozenset({"b", "a"}), frozenset({"ID"}), 1)])
def test_a_silence_comes_back(silence: Silence) -> None:
    """Of all rules, or of some."""
    assert documents.silence_of(kept(documents.silence_document(silence))) == silence


def test_a_digest_comes_back() -> None:
    """With its regions."""
    digest = Digest(80, {"11.02", "11.01"})
    assert documents.digest_of(kept(documents.digest_document(digest))) == digest


@pytest.mark.parametrize("before", [{"workers": 90}, {}, None])
def test_a_region_comes_back_with_its_snapshot_beside_it(before: dict[str, int] | None) -> None:
    """The potentials before it decide later whether a raise is `because: potential`."""
    _, _, ((_, event),) = read_all([], [], [snap(0, 39)])
    assert isinstance(event, SnapshotRead)
    region = Region(event.snapshot, Mark(7, 8), 9, 10, before, frozenset({"low", "high"}))
    found = documents.region_of(kept(documents.region_document(region)), event.snapshot)
    assert {each.name: getattr(found, each.name) for each in fields(Region)} == {
        each.name: getattr(region, each.name) for each in fields(Region)
    }


def test_the_same_state_gives_the_same_document() -> None:
    """Sets are kept in order."""
    assert documents.silence_document(OF_ALL)["regions"] == ["11", "12"]
    assert documents.digest_document(Digest(1, {"b", "a"}))["regions"] == ["a", "b"]
    # A store of documents takes texts, not their subclasses.
    assert {type(each) for each in documents.watch_document(WATCH)["alert"]["waiting"][0].values()} <= {
        str, int, bool, tuple,
    }  # fmt: skip
    assert [each[0] for each in documents.watch_document(WATCH)["alert"]["vacancies"]] == ["raised", "repeated"]
