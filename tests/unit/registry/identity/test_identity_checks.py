"""Which identities are well formed (semantics.md, "Facts")."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.facts import TYPES, Identity, canonical
from tests.factories_registry import event

DAYS = [date(1900, 1, 1) + timedelta(days=n) for n in range((date(2100, 1, 1) - date(1900, 1, 1)).days)]
BORN = {f"{day.day + offset:02d}{day:%m%y}" for day in DAYS for offset in (0, 40)}
"""Every DDMMYY there is, of either century, for men and women."""


def refused(scheme: str, value: str) -> str | None:
    """Return the kind of the first fault; None where there is none."""
    try:
        Identity.model_validate({"scheme": scheme, "value": value})
    except ValidationError as error:
        return error.errors()[0]["type"]
    return None


@given(st.sampled_from(sorted(BORN)), st.integers(0, 999_999), st.integers(0, 9999))
def test_a_nik_with_a_real_date_is_taken_whatever_its_region(born: str, region: int, serial: int) -> None:
    """The first six digits say where it was issued, and an old code there is no error."""
    assert refused("nik", f"{region:06d}{born}{serial:04d}") is None


@given(st.integers(0, 999_999).map(lambda n: f"{n:06d}").filter(lambda born: born not in BORN))
def test_a_nik_without_a_real_date_is_refused(born: str) -> None:
    """As reckoned from the calendar."""
    assert refused("nik", f"110101{born}0001") == "malformed_identity"


@pytest.mark.parametrize(
    ("born", "taken"),
    [
        ("290200", True), ("690200", True), ("290204", True), ("290201", False), ("290299", False),
        ("310190", True), ("710190", True), ("720190", False), ("400190", False), ("410190", True),
        ("000190", False), ("320190", False), ("310490", False), ("011390", False), ("010090", False),
    ],
)  # fmt: skip
def test_the_edges_of_the_calendar(born: str, taken: bool) -> None:
    """29 February of 00 is of 2000; a day of 40 is of nobody, 41 a woman's first."""
    assert (refused("nik", f"110101{born}0001") is None) is taken


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("nik", "110101410190000"), ("nik", "11010141019000011"), ("nik", "110101410190000A"), ("nik", ""),
        ("nik", "1101014101900001\n"), ("nik", " 1101014101900001"), ("nik", "1101 0141 0190 0001"),
        ("nik", "１１０１０１４１０１９００００１"), ("nik", "١١٠١٠١٤١٠١٩٠٠٠٠١"),
        ("kpj", "1234567890"), ("kpj", "123456789012"), ("kpj", "1234567890A"), ("kpj", "１２３４５６７８９０１"),
        ("passport", "A123"), ("passport", "A" * 21), ("passport", "A-12345"), ("passport", "A123 456"),
        ("passport", "AB12ß"), ("passport", "ſ12345"), ("passport", "ﬁ1234"), ("passport", "Ａ1234567"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused(scheme: str, value: str) -> None:
    """Too short, too long, spaces, other digits than ASCII's, letters whose capitals would be ASCII."""
    assert refused(scheme, value) == "malformed_identity"


@given(st.from_regex(r"\A[A-Za-z0-9]{5,20}\Z"))
def test_a_passport_is_compared_in_capitals(value: str) -> None:
    """Of five to twenty letters and digits."""
    identity = Identity(scheme="passport", value=value)
    assert canonical(identity.scheme, identity.value) == value.upper()


@pytest.mark.parametrize("value", ["00000000000", "12345678901"])
def test_any_eleven_digits_are_a_card(value: str) -> None:
    """Whether it is known, earlier facts say."""
    assert refused("kpj", value) is None


def test_an_identity_is_shown_by_its_scheme_only() -> None:
    """Neither its repr nor an error's text quotes it, so that no traceback can."""
    assert "1101014101900001" not in repr(Identity(scheme="nik", value="1101014101900001"))
    with pytest.raises(ValidationError) as wrong:
        TYPES["cakupan.enrolled.v1"].model_validate(
            event(data={"identity": {"scheme": "nik", "value": "1101013302900001"}})
        )
    assert "1101013302900001" not in str(wrong.value)
