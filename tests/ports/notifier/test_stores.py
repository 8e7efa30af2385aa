"""One suite for the notifier's ports, on the fakes and on MongoDB, with expectations written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from services.notifier.adapters.mongo_archive import MongoArchive
from services.notifier.adapters.mongo_deliveries import MongoDeliveries
from services.notifier.adapters.mongo_store import MongoStore
from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Message, Transition
from services.notifier.application.ports import (
    Archive,
    DeliveryStore,
    EvaluationStore,
    Findings,
    Gauges,
    Place,
    Sources,
    Transaction,
)
from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import Phase, Reason, State
from shared.adapters.mongo import Mongo
from shared.runtime.errors import FencedError
from tests.factories_notifier import NOW, aceh_at_40, child, rule, snapshot
from tests.fakes_notifier import MemoryStore

LEASE = timedelta(seconds=30)
LATER = NOW + timedelta(minutes=1)
MESSAGE = Message("gubernur.aceh@example.id", "Aceh", "teks −", "<p>", "Sat, 21 Nov 2026 14:34:57 +0700")


@dataclass
class Ports:
    """The same store from its sides."""

    store: EvaluationStore
    deliveries: DeliveryStore
    archive: Archive
    sources: Sources
    gauges: Gauges


@pytest.fixture(params=["fake", "real"])
async def ports(request: pytest.FixtureRequest, mongodb_uri: str, namespace: str) -> AsyncIterator[Ports]:
    """The same ports twice."""
    if request.param == "fake":
        memory = MemoryStore()
        yield Ports(memory, memory, memory, memory, memory)
        return
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}notifier", "notifier-0")
    store, archive = MongoStore(mongo), MongoArchive(mongo)
    await store.prepare()
    await store.prepare()
    yield Ports(store, MongoDeliveries(mongo), archive, archive, archive)
    mongo.close()


def alert(region: str = "11", episode: int = 1, minutes: int = 0) -> Alert:
    """Return an alert raised so many minutes after NOW."""
    shot = replace(aceh_at_40()[0], region=region, parent=None)
    return Alert(rule(), shot, episode, NOW + timedelta(minutes=minutes))


def delivery(id_: str = "d-1", of: str = "a-1", minutes: int = 0) -> Delivery:
    """Return a delivery made, and due, so many minutes after NOW."""
    at = NOW + timedelta(minutes=minutes)
    return Delivery(id_, of, "gubernur-aceh", "email", at, at, "00-trace")


def move(before: Phase, after: Phase, reason: Reason, version: int, episode: int) -> Transition:
    """Return a move of the rule in Aceh, at as many minutes as its version."""
    at = NOW + timedelta(minutes=version)
    return Transition("active-40", "11", before, State(after, at, episode, version), reason, at, Figure(6_844, 17_109))


PENDING = move(Phase.OK, Phase.PENDING, Reason.HOLD_STARTED, 1, 0)
FIRING = move(Phase.PENDING, Phase.FIRING, Reason.RAISED, 2, 1)
RECOVERING = move(Phase.FIRING, Phase.RECOVERING, Reason.HOLD_STARTED, 3, 1)
CLEARED = move(Phase.RECOVERING, Phase.OK, Reason.CLEARED, 4, 1)
AGAIN = move(Phase.OK, Phase.PENDING, Reason.HOLD_STARTED, 5, 1)


async def write(ports: Ports, **findings: object) -> None:
    """Write findings in a transaction of their own."""

    async def work(transaction: Transaction) -> None:
        await transaction.write(Findings(**findings))  # type: ignore[arg-type]

    await ports.store.transact(work)


async def test_a_position_moves_only_from_where_it_stands(ports: Ports) -> None:
    """It begins at 0; whoever believes it elsewhere is fenced and writes nothing."""
    assert await ports.store.positions([0, 11]) == {0: 0, 11: 0}

    async def work(transaction: Transaction) -> None:
        await transaction.move_positions({11: (0, 7)})
        await transaction.write(Findings(snapshots={"11": snapshot(1)}))

    await ports.store.transact(work)
    with pytest.raises(FencedError):
        await ports.store.transact(work)
    assert await ports.store.positions([0, 11]) == {0: 0, 11: 7}


async def test_a_transaction_that_raises_writes_nothing(ports: Ports) -> None:
    """All or nothing."""

    async def work(transaction: Transaction) -> None:
        await transaction.write(Findings({"11": snapshot(1)}, [PENDING], [], [delivery()]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ports.store.transact(work)
    assert await ports.gauges.phases() == {}
    assert await ports.gauges.waiting_deliveries() == 0


async def test_the_latest_snapshot_of_a_region_is_kept_whole(ports: Ports) -> None:
    """With its mark, in whole milliseconds, and found below its parent in order of code."""
    region, _ = aceh_at_40()
    newer = replace(region, position=9_000, as_of=NOW + timedelta(microseconds=123_456))
    await write(ports, snapshots={"11": region, "11.02": child("11.02", 2), "11.01": child("11.01", 1)})
    await write(ports, snapshots={"11": newer})

    async def look(transaction: Transaction) -> None:
        assert await transaction.marks(["11", "12"]) == {"11": (9_000, NOW + timedelta(microseconds=123_000))}
        assert await transaction.latest("11") == newer
        assert await transaction.latest("12") is None

    await ports.store.transact(look)
    assert [shot.region for shot in await ports.sources.children("11")] == ["11.01", "11.02"]
    assert await ports.sources.children("12") == []


async def test_states_are_read_back_and_those_that_wait_are_found(ports: Ports) -> None:
    """Of the rules asked for only."""
    await write(ports, transitions=[PENDING])

    async def look(transaction: Transaction) -> None:
        assert await transaction.states(["11", "12"]) == {("active-40", "11"): PENDING.state}
        assert await transaction.states(["12"]) == {}

    await ports.store.transact(look)
    assert await ports.store.waiting(["active-40"]) == {("active-40", "11"): PENDING.state}
    assert await ports.store.waiting(["another"]) == {}
    await write(ports, transitions=[FIRING], alerts=[alert()])
    assert await ports.store.waiting(["active-40"]) == {}
    assert await ports.gauges.phases() == {("active-40", "firing"): 1}


@pytest.mark.parametrize("first", [True, False], ids=["first move", "later move"])
async def test_a_move_from_an_old_state_is_fenced(ports: Ports, first: bool) -> None:
    """Of two replicas that make the same move one writes, with all that goes with it."""
    await write(ports, transitions=[PENDING])
    if not first:
        await write(ports, transitions=[FIRING], alerts=[alert()])
    with pytest.raises(FencedError):
        await write(ports, transitions=[PENDING if first else FIRING], deliveries=[delivery()])
    assert await ports.gauges.waiting_deliveries() == 0


async def test_an_alert_follows_the_moves_of_its_episode(ports: Ports) -> None:
    """Firing, recovering, cleared with the time; the next episode's moves are not its own."""
    raised = alert()
    await write(ports, transitions=[PENDING])
    await write(ports, transitions=[FIRING], alerts=[raised])
    assert await ports.archive.alert(raised.id) == raised
    await write(ports, transitions=[RECOVERING])
    found = await ports.sources.alert(raised.id)
    assert found is not None
    assert (found.state, found.cleared_at) == (AlertState.RECOVERING, None)
    await write(ports, transitions=[CLEARED, AGAIN])
    found = await ports.archive.alert(raised.id)
    assert found == replace(raised, state=AlertState.CLEARED, cleared_at=CLEARED.at)
    assert await ports.archive.transitions(raised) == [PENDING, FIRING, RECOVERING, CLEARED]
    assert await ports.archive.alert("unknown") is None


async def test_what_is_there_already_is_left_as_it_is(ports: Ports) -> None:
    """A delivery that was sent is not made to wait again."""
    await write(ports, alerts=[alert()], deliveries=[delivery()])
    claimed = await ports.deliveries.claim("one", NOW, LATER)
    assert claimed is not None
    assert await ports.deliveries.mark_sent(claimed, NOW)
    await write(ports, alerts=[alert(minutes=5)], deliveries=[delivery()])
    (found,) = await ports.archive.deliveries_of("a-1")
    assert (found.state, found.sent_at) == (DeliveryState.SENT, NOW)
    assert [each.raised_at for each in await ports.archive.alerts("11", None, None, 9)] == [NOW]


async def test_alerts_are_listed_of_a_region_and_below_newest_first(ports: Ports) -> None:
    """By state where asked, page by page, never the neighbour with a similar code."""
    places = {"11": 1, "11.01": 3, "11.01.01": 2, "12": 4, "ID": 5}
    await write(ports, alerts=[alert(region, minutes=minutes) for region, minutes in places.items()])

    async def listed(region: str, state: AlertState | None = None, after: Place | None = None) -> list[str]:
        return [each.snapshot.region for each in await ports.archive.alerts(region, state, after, 2)]

    assert await listed("11") == ["11.01", "11.01.01"]
    assert await listed("11", after=Place(NOW + timedelta(minutes=2), alert("11.01.01").id)) == ["11"]
    assert await listed("11.01.01") == ["11.01.01"]
    assert await listed("1") == []
    assert await listed("ID") == ["ID", "12"]
    assert await listed("ID", AlertState.FIRING) == ["ID", "12"]
    assert await listed("ID", AlertState.CLEARED) == []


async def test_the_delivery_due_longest_is_claimed_by_one(ports: Ports) -> None:
    """Others wait until its time is over; what is not due yet is left."""
    await write(ports, deliveries=[delivery("d-2", minutes=2), delivery("d-1", minutes=1)])
    assert await ports.deliveries.claim("one", NOW, LATER) is None
    assert await ports.deliveries.next_due() == LATER
    claimed = await ports.deliveries.claim("one", LATER, LATER + LEASE)
    assert claimed == replace(delivery("d-1", minutes=1), due_at=LATER + LEASE, claims=1)
    assert await ports.deliveries.claim("two", LATER, LATER + LEASE) is None
    taken_over = await ports.deliveries.claim("two", LATER + LEASE, LATER + 2 * LEASE)
    assert taken_over is not None
    assert (taken_over.id, taken_over.claims) == ("d-1", 2)
    assert not await ports.deliveries.mark_sent(claimed, LATER)
    assert await ports.deliveries.mark_sent(taken_over, LATER)
    assert not await ports.deliveries.mark_sent(taken_over, LATER)


async def test_a_message_is_kept_for_later_tries(ports: Ports) -> None:
    """With the number of tries and the reason of the last."""
    await write(ports, deliveries=[delivery()])
    first = await ports.deliveries.claim("one", NOW, LATER)
    assert first is not None
    assert await ports.deliveries.freeze(first, MESSAGE)
    assert await ports.deliveries.mark_failed(first, "451 later", NOW + LEASE)
    assert await ports.deliveries.claim("one", NOW, LATER) is None
    second = await ports.deliveries.claim("one", NOW + LEASE, LATER)
    assert second is not None
    assert (second.message, second.tries, second.reason) == (MESSAGE, 1, "451 later")
    assert await ports.deliveries.mark_failed(second, "550 no such user", None)
    (dead,) = await ports.archive.deliveries(None, 9)
    assert (dead.state, dead.tries, dead.reason) == (DeliveryState.DEAD, 2, "550 no such user")
    assert await ports.deliveries.next_due() is None


async def test_what_is_put_back_counts_no_try(ports: Ports) -> None:
    """It is due again at the time given."""
    await write(ports, deliveries=[delivery()])
    claimed = await ports.deliveries.claim("one", NOW, LATER)
    assert claimed is not None
    await ports.deliveries.put_back(claimed, NOW + LEASE)
    again = await ports.deliveries.claim("one", NOW + LEASE, LATER)
    assert again is not None
    assert (again.tries, again.claims) == (0, 2)


async def test_a_holder_begun_anew_releases_only_what_it_had_in_hand(ports: Ports) -> None:
    """Neither another's claims nor its own pauses between tries."""
    await write(ports, deliveries=[delivery("mine"), delivery("paused"), delivery("other")])
    claimed = {}
    for holder in ("one", "one", "two"):
        found = await ports.deliveries.claim(holder, NOW, LATER)
        assert found is not None
        claimed[holder] = found
    assert await ports.deliveries.mark_failed(claimed["one"], "451", LATER)
    await ports.deliveries.release("one", NOW)
    released = await ports.deliveries.claim("one", NOW, LATER)
    assert released is not None
    assert released.id not in (claimed["one"].id, claimed["two"].id)
    assert await ports.deliveries.claim("one", NOW, LATER) is None


async def test_deliveries_are_listed_newest_first(ports: Ports) -> None:
    """Page by page, and of one alert."""
    await write(ports, deliveries=[delivery(f"d-{n}", of=f"a-{n % 2}", minutes=n) for n in range(4)])
    page = await ports.archive.deliveries(None, 3)
    assert [each.id for each in page] == ["d-3", "d-2", "d-1"]
    rest = await ports.archive.deliveries(Place(page[-1].created_at, page[-1].id), 3)
    assert [each.id for each in rest] == ["d-0"]
    assert [each.id for each in await ports.archive.deliveries_of("a-1")] == ["d-1", "d-3"]
    assert await ports.gauges.waiting_deliveries() == 4
