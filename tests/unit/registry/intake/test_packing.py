"""A person's facts as they are kept."""

from __future__ import annotations

import uuid
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.facts import Fact, FactType
from services.registry.intake.mongo.packing import pack, unpack
from tests.factories_registry import at, enrolled, paid

words = st.text(max_size=6)
maybe = st.none() | words
many = st.none() | st.lists(words, max_size=3).map(tuple)
instants = st.integers(-(10**9), 10**11).map(lambda ms: at("1977-12-05T00:00:00+07:00") + timedelta(milliseconds=ms))
facts = st.builds(
    Fact, instants, st.sampled_from(FactType), words, words, words, region=maybe, segment=maybe, groups=many,
    payer=maybe, programmes=many, paid_through=maybe,
)  # fmt: skip


@given(st.lists(facts, max_size=40), st.lists(words, max_size=60))
def test_what_is_packed_comes_back_as_it_was(kept: list[Fact], sources: list[str]) -> None:
    """Absent and empty stay apart, instants keep their milliseconds, long ones are deflated and short ones not."""
    assert unpack(pack(kept, sources)) == (tuple(kept), tuple(sources))


def test_ten_years_of_payments_take_less_than_five_kilobytes() -> None:
    """With ids of 36 characters that nothing compresses well; as BSON they took 22."""
    payments = [
        paid(str(uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)), f"{2016 + n // 12}-{n % 12 + 1:02d}",
             time=f"{2016 + n // 12}-{n % 12 + 1:02d}-05T08:00:00+07:00", holder="a" * 32)
        for n in range(120)
    ]  # fmt: skip
    kept = [enrolled(time="2016-01-01T00:00:00+07:00", holder="a" * 32), *payments]
    assert len(pack(kept, ["bpjs/aceh"] * 121)) < 5_000
