"""The public view: whole regions, with what tells of a few people hidden."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from services.coverage.application.apply import Applier
from services.coverage.application.progress import Progress
from services.coverage.application.public import PublicViewer, is_public
from services.coverage.domain.movements import counted
from services.coverage.domain.potentials import POTENTIALS
from services.coverage.domain.reference import Book, Figure, Row
from shared.regions.catalogue import catalogue
from tests.factories_coverage import RECORDED_AT, TODAY, joined, partition
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryStore, SilentMetrics, viewer_of


async def seen(people: dict[str, int], *regions: str) -> list[dict[str, Any]]:
    """Return what the public sees of the regions when so many joined in each place; Kaimana has a potential."""
    store, clock, progress = MemoryStore(), ManualClock(), Progress(partition)
    applier = Applier(store, progress, clock, SilentMetrics(), _ignored, _ignored)
    await applier.take_up(range(12))
    for place, count in people.items():
        first = (await store.checkpoints())[partition(place)].position.next_seq
        applier.take(partition(place), [*map(counted, joined(count, place, first=first))], 0, clock.now())
        await applier.commit(applier.seal([partition(place)]))
    book = Book()
    book.add(Row(Figure(POTENTIALS, "92.08", "workers", TODAY, 20_390, "bps", "all"), RECORDED_AT, 1))
    viewer = viewer_of(store, book, catalogue().children, clock, catalogue().name, progress.catching_up)
    return await PublicViewer(viewer, catalogue().children).documents(regions)


async def test_large_numbers_are_shown_in_full() -> None:
    """Nothing is marked where nobody is few."""
    (kaimana,) = await seen({"92.08": 25_721}, "92.08")
    assert kaimana["suppressed"] == []
    assert (kaimana["registered"], kaimana["coverage"]["active"].get("ratio")) == (25_721, 1.2615)


async def test_a_small_region_shows_none_of_its_numbers() -> None:
    """Its counts, ratio, unplaced, flows and position would each tell."""
    (kaimana,) = await seen({"92.08": 7, "92.07": 500, "92.02": 600, "11.01": 900}, "92.08")
    assert (kaimana["registered"], kaimana["active"], kaimana["position"]) == (None, None, None)
    assert kaimana["coverage"]["active"] == {"numerator": None, "denominator": 20_390, "ratio": None}
    assert kaimana["unplaced"] == {"registered": None, "active": None}
    assert {flows["joined"]["registered"] for flows in kaimana["flows"].values()} == {None}
    assert {"registered", "active", "coverage.active", "unplaced.active", "flows.7d.joined.active"} <= set(
        kaimana["suppressed"]
    )


async def test_the_next_smallest_sibling_is_hidden_too() -> None:
    """The province less the others would give the small one back, by counts and by flows alike."""
    people = {"92.08": 7, "92.07": 500, "92.02": 600, "11.01": 900}
    small, next_, large, province = await seen(people, "92.08", "92.07", "92.02", "92.03")
    assert province["registered"] == 0
    assert small["registered"] is None
    assert next_["registered"] is None
    assert next_["flows"]["7d"]["joined"]["registered"] is None
    assert large["registered"] == 600
    (parent,) = await seen(people, "92")
    assert parent["registered"] == 1107


async def test_few_unplaced_people_hide_the_smallest_regency() -> None:
    """Unplaced counts as a child: a regency's own people are those of no district."""
    (regency,) = await seen({"11.01": 4, "11.01.02": 300, "11.01.01": 200}, "11.01")
    assert regency["registered"] == 504
    assert regency["unplaced"] == {"registered": None, "active": None}


async def test_hidden_numbers_cannot_be_had_by_subtraction() -> None:
    """A province's number less all its shown regencies' leaves more than one unknown."""
    people = {"11.01": 3, "11.02": 40, "11.03": 50, "92.08": 60}
    shown = await seen(people, *catalogue().children("11"))
    unknown = [document["region"] for document in shown if document["registered"] is None]
    assert unknown == ["11.01", "11.02"]


async def test_only_nation_province_and_regency_are_public() -> None:
    """Below, a token is needed."""
    assert [is_public(region) for region in ("ID", "11", "11.01", "11.01.01", "11.01.01.2001")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def _ignored(_places: Collection[str]) -> None:
    return
