"""Nothing that a release hides can be worked out from all releases together; and the attacker would find it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.coverage.public import hide
from services.coverage.public.domain import hiding, tables
from services.coverage.public.domain.attack import Attacker, Found
from services.coverage.public.domain.suppression import is_small
from services.coverage.public.domain.tables import Cell as TableCell
from services.coverage.public.hide import Before
from tests.countries import Country, Life, Person, draw, plain

VILLAGES = ("11.01.01.2001", "11.01.01.2002", "11.01.02.2001", "11.02.01.2001", "11.02.01.2002", "12.01.01.2001")


# Each is a country with three releases: seconds. `make laws` draws a thousand.
COUNTRIES = int(os.environ.get("CAKUPAN_EXAMPLES", "12"))


@settings(max_examples=COUNTRIES)
@given(st.integers(0, 10**6))
@example(2560).via("a board told that all active people of a regency were in one village, whose number was hidden")
def test_nothing_hidden_can_be_worked_out(seed: int) -> None:
    """By no equation and no bound, across regions, levels, slices, flows, boards and three months in a row."""
    country = draw(seed)
    releases = [plain(release) for release in country.releases()]
    small = [
        cell
        for release in releases
        for document in release.values()
        for cell, number in numbers(document)
        if number is not None and is_small(number)
    ]
    assert small == []
    assert Attacker(releases, country.children).findings() == []


def found_in(country: Country) -> list[Found]:
    """Return what an attacker works out from the releases of a country."""
    return Attacker([plain(release) for release in country.releases()], country.children).findings()


def numbers(document: Any, path: str = "") -> list[tuple[str, int | None]]:
    """Return the numbers of people in a document."""
    if isinstance(document, dict):
        kept = {name: part for name, part in document.items() if name not in ("quota", "potential", "designation")}
        return [found for name, part in kept.items() for found in numbers(part, f"{path}.{name}")]
    return [(path, document)] if document is None or type(document) is int else []


def people(count: int, place: str, months: str = "xxxx", **over: Any) -> list[Life]:
    """Return so many people of a place, registered at the ends of the months marked `x`."""
    values: dict[str, Any] = {"segment": "BPU", "payer": "self", "groups": (), "programmes": ("JKK", "JKM")}
    one = Person(place, active=over.pop("active", True), **values | over)
    return [tuple(one if mark == "x" else None for mark in months)] * count


def vulnerable(count: int, place: str) -> list[Life]:
    """Return so many vulnerable people of a place."""
    return people(count, place, groups=("vulnerable",))


def country(*lives: list[Life], required: int = 30) -> Country:
    """Return a country of these people."""
    return Country(VILLAGES, [life for some in lives for life in some], required)


MANY = [life for village in VILLAGES for life in people(40, village)]


def small_only(cells: dict[str, int], **_: Any) -> frozenset[str]:
    """Hide the small numbers of a sum and nothing beside them."""
    return frozenset(child for child, number in cells.items() if is_small(number))


def small_cells(table: Any, columns: Any, *, forced: Any = (), **_: Any) -> frozenset[TableCell]:
    """Hide the small cells of a table and nothing beside them."""
    small = {(r, c) for r in table for c in columns if is_small(table[r].get(c, 0))}
    return frozenset(small | set(forced))


class TestItFinds:
    """Each rule taken out alone, without the attack on the release itself, lets the attacker find something."""

    @pytest.fixture(autouse=True)
    def not_attacked_when_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The release is not attacked while it is made."""

        class Blind(Attacker):
            def findings(self) -> list[Found]:
                return []

        monkeypatch.setattr(hide, "Attacker", Blind)

    def test_a_village_less_its_siblings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A number hidden alone is the sum less the others."""
        few = country([*people(3, VILLAGES[0]), *MANY[40:]])
        assert found_in(few) == []
        monkeypatch.setattr(hiding, "hidden_people", small_only)
        assert any(found.place == VILLAGES[0] and found.value == 3 for found in found_in(few))

    def test_a_segment_less_the_other_segments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A slice adds up to everyone."""
        few = country(MANY, people(5, VILLAGES[0], segment="PMI"), people(30, VILLAGES[2], segment="PU"))
        assert found_in(few) == []
        monkeypatch.setattr(hiding, "hidden_cells", small_cells)
        assert any(found.kind == "by_segment" and found.value == 5 for found in found_in(few))

    def test_how_few_there_were_from_who_came(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Seven of the month before are today's forty-seven less the forty who joined."""
        lives = [people(7, "11.01"), people(40, "11.01", "--xx"), people(50, "11.02"), people(60, "12.01.01.2001")]
        grown = country(*lives)
        assert found_in(grown) == []
        monkeypatch.setattr(hiding, "_change", lambda row, measure: 0)
        monkeypatch.setattr(hide.Before, "of", classmethod(lambda cls, shown: Before()))
        assert any(found.value == 7 and found.kind == "counts" for found in found_in(grown))

    def test_a_board_tells_of_its_group(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What all villages lack together is what they must have less whom they have."""
        few = country(MANY, vulnerable(4, VILLAGES[3]), vulnerable(50, VILLAGES[0]))
        assert found_in(few) == []
        monkeypatch.setattr(hiding, "_tells", lambda *_: False)
        assert any(found.kind == "by_group" and found.value == 4 for found in found_in(few))


def test_what_rules_overlook_the_attack_on_the_release_itself_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even without any rule but the first, a release that is attacked while it is made gives nothing away."""
    monkeypatch.setattr(tables, "hidden_children", small_only)
    few = country(MANY, people(5, VILLAGES[0], segment="PMI"), people(30, VILLAGES[2], segment="PU"))
    assert found_in(few) == []
