"""Which regions a rule watches, who hears, and which ids follow."""

from __future__ import annotations

import pytest

from services.notifier.domain.ids import alert_id, delivery_id
from services.notifier.domain.officials import Role, recipients
from tests.factories_notifier import official, rule


@pytest.mark.parametrize(
    ("levels", "regions", "watched", "not_watched"),
    [
        ({"province"}, set(), {"11", "12"}, {"ID", "11.01", "11.01.01.2001"}),
        ({"regency"}, {"11"}, {"11.01", "11.71"}, {"11", "12.01", "11.01.01"}),
        (set(), {"11", "ID"}, {"11", "ID"}, {"12", "11.01"}),
        ({"village"}, {"11.01.01", "12.01"}, {"11.01.01.2001", "12.01.01.2001"}, {"11.01.02.2001", "11.01.01"}),
    ],
)
def test_a_rule_watches_its_levels_within_its_regions(
    levels: set[str], regions: set[str], watched: set[str], not_watched: set[str]
) -> None:
    """Without levels it watches just the regions it names."""
    of = rule(levels=frozenset(levels), regions=frozenset(regions))
    assert {region for region in watched | not_watched if of.concerns(region)} == watched


def test_those_hear_whose_region_is_the_alerts_or_holds_it() -> None:
    """Never the neighbour, never another role."""
    aceh, sumut = official(), official(id="gubernur-sumut", region="12")
    bupati = official(id="bupati", role=Role.BUPATI, region="11.01")
    minister = official(id="menko", role=Role.KEMENKO_PMK, region="ID")
    everyone = [aceh, sumut, bupati, minister]
    assert recipients(everyone, [Role.GUBERNUR], "11") == [aceh]
    assert recipients(everyone, [Role.GUBERNUR, Role.BUPATI, Role.KEMENKO_PMK], "11.01") == [aceh, bupati, minister]
    assert recipients(everyone, [Role.BUPATI], "11") == []


def test_ids_follow_from_what_they_name() -> None:
    """The same today and after any restart, and different for whatever differs."""
    assert alert_id("active-40", "11", 1) == "be9b5762-13f0-59ff-aa21-c5b7cc5b88c3"
    ids = {
        alert_id("active-40", "11", 1), alert_id("active-40", "11", 2), alert_id("active-40", "11.1", 1),
        alert_id("active-41", "11", 1), delivery_id("a", "b", "c"), delivery_id("ab", "", "c"),
        delivery_id("a", "b", "d"),
    }  # fmt: skip
    assert len(ids) == 7
