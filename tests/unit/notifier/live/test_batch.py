"""What a transaction writes: decisions as the trace has them, alerts as they are, deliveries of all messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from random import Random

from hypothesis import given

from services.notifier.engine.events import Acknowledged, Event, OfficialsGiven, RulesGiven, SnapshotRead
from services.notifier.engine.ids import alert_id
from services.notifier.engine.instants import from_ms
from services.notifier.engine.world import World
from services.notifier.live.batch import Batch, Batcher
from services.notifier.live.given import Given, Record, RuleFile
from services.notifier.live.inputs import Input
from services.notifier.live.regions import PackedRegion
from services.notifier.live.timeline import Entry
from tests.alerts_scenarios import Dict, scenario
from tests.alerts_trace import BANDA, ack, official, read_all, rule, snap, traced
from tests.unit.notifier.engine.test_laws import SEEDS


@given(SEEDS)
def test_batches_of_any_size_hold_the_lines_of_the_trace(seed: int) -> None:
    """And a delivery for each message; each alert that fires has its document, in the state in which it is."""
    rules, officials, events = scenario(seed)
    world = World(PackedRegion)
    batches = in_batches(world, entries_of(rules, officials, events), Random(seed))
    lines = [dict(decision["line"]) for batch in batches for decision in batch.decisions]
    assert lines == traced(rules, officials, events)
    told = [delivery["_id"] for batch in batches for delivery in batch.deliveries]
    assert told == [line["id"] for line in lines if line["what"] == "message"]
    assert firing(batches) == {
        alert_id(*key, watch.alert.episode): watch.phase.value
        for key, watch in world.watches.items()
        if watch.alert is not None
    }


def test_the_history_of_an_alert_has_what_came_before_it() -> None:
    """The hold before the raise belongs to it, and so does a vacancy."""
    events = [snap(0, 39), snap(1, 39), snap(2, 38)]
    batch = whole([rule(hold_for="1m")], [], events)
    assert [(decision["line"]["what"], decision["alerts"]) for decision in batch.decisions] == [
        ("move", [alert_id("low", "11", 1)]), ("move", [alert_id("low", "11", 1)]),
        ("vacancy", [alert_id("low", "11", 1)]),
    ]  # fmt: skip


def test_snapshots_that_were_written_before_any_rules_are_judged_by_the_first() -> None:
    """A notifier that is set up later than coverage knows every region, and begins with the newest."""
    rules, officials, *snapshots = entries_of([rule()], [official("g")], [snap(0, 39), snap(1, 38)])
    given = [entry._replace(at=snapshots[-1].at + 1) for entry in (officials, rules)]
    batch = Batcher(World(PackedRegion)).apply(deque([*snapshots, *given]), given[0].at)
    assert [(line["what"], line.get("t")) for line in (decision["line"] for decision in batch.decisions)] == [
        ("move", "2026-03-03T10:01:00.001Z"), ("message", None),
    ]  # fmt: skip
    assert batch.records == {"taken": 2}


def test_new_rules_write_no_watch_where_nothing_has_moved() -> None:
    """A ministry's rules watch every village; a watch is written where one was raised, and where silence is awaited."""
    rules = [rule(), rule("quiet", kind="silence", source="bpjs", after="1d", measure=None, direction=None,
                          raise_below=None, clear_at=None)]  # fmt: skip
    raised, calm = snap(0, 39), snap(0, 60, region="12")
    given, officials, *snapshots = entries_of(rules, [], [raised, calm])
    batch = Batcher(World(PackedRegion)).apply(deque([*snapshots, given, officials]), snapshots[-1].at)
    assert batch.writes["watches"].keys() == {"low/11", "quiet/11", "quiet/12"}
    assert batch.writes["watches"]["quiet/12"] is None


def test_an_acknowledgement_is_kept_with_its_alert_and_one_of_none_says_so() -> None:
    """By whom, when, with which note."""
    batch = whole([rule()], [official("g")], [snap(0, 39), ack(1), ack(1, region=BANDA)])
    (fields, is_new) = batch.changes["alerts"][alert_id("low", "11", 1)]
    assert is_new
    assert fields["acknowledged"] == {"by": "g", "at": fields["raised_at"].replace(minute=1), "note": "seen"}
    assert [fields["outcome"] for fields, _ in batch.changes["inputs"].values()] == ["applied", "applied", "no_alert"]


def whole(rules: list[Dict], officials: list[Dict], events: list[Dict]) -> Batch:
    """Return all in one batch."""
    entries = deque(entries_of(rules, officials, events))
    return Batcher(World(PackedRegion)).apply(entries, entries[-1].at)


def in_batches(world: World, entries: Iterable[Entry[Given]], random: Random) -> list[Batch]:
    """Return the batches that random portions of the entries give."""
    batcher, waiting, batches = Batcher(world), deque(entries), list[Batch]()
    while waiting:
        portion = deque(waiting.popleft() for _ in range(min(len(waiting), random.randint(1, 9))))
        batches.append(batcher.apply(portion, portion[-1].at))
    return batches


def entries_of(rules: list[Dict], officials: list[Dict], events: list[Dict]) -> list[Entry[Given]]:
    """Return the events as the evaluator is given them."""
    read_rules, read_officials, read = read_all(rules, officials, events)
    start = read[0][0]
    whole: list[tuple[int, Event]] = [(start, RulesGiven(read_rules)), (start, OfficialsGiven(read_officials)), *read]
    return [Entry(at, 0, number, as_given(event, number, at)) for number, (at, event) in enumerate(whole)]


def as_given(event: Event, number: int, at: int) -> Given:
    """Return the event with what comes with it."""
    if isinstance(event, SnapshotRead):
        return Record(event)
    if isinstance(event, RulesGiven):
        return RuleFile(event, "rules")
    return Input(number, from_ms(at), event, "test", "seen" if isinstance(event, Acknowledged) else "")


def firing(batches: list[Batch]) -> dict[str, str]:
    """Return the state of each alert that has not ended, as documents have it in the end."""
    stored: dict[str, Dict] = {}
    for batch in batches:
        for id_, (fields, is_new) in batch.changes.get("alerts", {}).items():
            assert is_new != (id_ in stored), "an alert is new once, and changed only after that"
            stored[id_] = stored.get(id_, {}) | fields
    return {id_: fields["state"] for id_, fields in stored.items() if fields["ended_at"] is None}
