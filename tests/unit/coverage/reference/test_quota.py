"""Quotas a village: which row holds where, and what a board adds up."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.coverage.reference.domain.quota import QUOTAS, Quota, board, holding, nearest, village
from services.coverage.reference.domain.reference import ReferenceIndex
from shared.contracts.snapshots import Count
from tests.factories_reference import TODAY, index_of, row, tree

DESA, OTHER_DESA, KELURAHAN, ADAT = "63.10.01.2001", "63.10.02.2002", "63.10.01.1001", "91.03.01.3001"
CHILDREN = tree(DESA, OTHER_DESA, KELURAHAN, ADAT)
HUNDRED = Quota("active", 100, ("desa",))


def held(book: ReferenceIndex, region: str = "ID", group: str = "vulnerable") -> dict[str, Quota]:
    """Return the quota by village."""
    return dict(holding(book, region, group, TODAY, CHILDREN))


def test_a_quota_holds_for_all_below_of_its_kinds() -> None:
    """Also where the board is asked of a region below the one it is set on."""
    book = index_of(row(QUOTAS, "63", "vulnerable", HUNDRED))
    assert held(book) == held(book, "63.10") == {DESA: HUNDRED, OTHER_DESA: HUNDRED}
    assert held(book, DESA) == {DESA: HUNDRED}
    assert held(book, KELURAHAN) == held(book, "91") == held(book, group="non_asn") == {}


def test_the_nearest_row_of_the_group_decides_alone() -> None:
    """By count, measure and kinds: what it leaves out has no quota, though a row above names it."""
    near = Quota("registered", 10, ("kelurahan",))
    book = index_of(row(QUOTAS, "ID", "vulnerable", HUNDRED), row(QUOTAS, "63.10.01", "vulnerable", near))
    assert held(book) == {KELURAHAN: near, OTHER_DESA: HUNDRED}


def test_a_withdrawn_row_lets_the_one_above_decide() -> None:
    """The region then has none of its own."""
    rows = [
        row(QUOTAS, "63", "vulnerable", HUNDRED),
        row(QUOTAS, "63.10", "vulnerable", Quota("active", 200, ("desa",))),
        row(QUOTAS, "63.10", "vulnerable", None, date(2023, 9, 15), version=2),
    ]
    found = nearest(index_of(*rows), DESA, "vulnerable", TODAY)
    assert found is not None
    assert found.value.count == 100


def test_quotas_that_differ_have_no_common_requirement() -> None:
    """The sums stand; what is required is each village's own."""
    ten = Quota("registered", 10, ("desa",))
    mixed = board("vulnerable", [village(DESA, HUNDRED, Count(9, 9)), village(OTHER_DESA, ten, Count(9, 0))])
    assert (mixed.measure, mixed.required, mixed.gap, mixed.at_zero) == (None, None, 92, 0)
    assert board("vulnerable", []).villages == 0


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=20), st.integers(0, 20))
def test_boards_add_up(drawn: list[tuple[int, int]], cut: int) -> None:
    """A parent's board is the sum of its children's, however the villages are parted; the gap is nobody's surplus."""
    villages = [village(DESA, Quota("active", required, ("desa",)), Count(n, n)) for required, n in drawn]
    whole, one, other = board("g", villages), board("g", villages[:cut]), board("g", villages[cut:])
    for name in ("villages", "passing", "at_zero", "gap", "people_below"):
        assert getattr(whole, name) == getattr(one, name) + getattr(other, name)
    assert whole.gap == sum(max(0, required - n) for required, n in drawn)
    assert whole.passing == sum(n >= required for required, n in drawn)
