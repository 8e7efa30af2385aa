"""Links to acknowledge: bound to alert and official, refused when changed or late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from services.notifier.http.ack_links import AckLink, AckLinks, BadLink, ExpiredLink
from shared.runtime.errors import PermanentError

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
KEY = b"k" * 32
LINKS = AckLinks(KEY, "https://notifier.example.id/")
LATER = NOW + timedelta(days=7)


def token_of(alert: str = "a-1", official: str = "gubernur-aceh", expires: datetime = LATER) -> str:
    """Return the last part of a link's address."""
    return LINKS.url(alert, official, expires).rpartition("/")[2]


def test_a_link_says_who_may_acknowledge_what() -> None:
    """Until its last second."""
    assert LINKS.url("a-1", "gubernur-aceh", LATER).startswith("https://notifier.example.id/ack/")
    assert LINKS.read(token_of(), LATER - timedelta(seconds=1)) == AckLink("a-1", "gubernur-aceh", LATER)


def test_a_late_link_is_expired_and_not_bad() -> None:
    """So that the page can say what to do."""
    with pytest.raises(ExpiredLink):
        LINKS.read(token_of(), LATER + timedelta(seconds=1))


@given(st.integers(min_value=0), st.characters())
def test_a_changed_link_is_none_of_ours(place: int, letter: str) -> None:
    """Whichever character is replaced: it is refused, or says what it said before (spare bits of the last one)."""
    token = token_of()
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    try:
        assert LINKS.read(changed, NOW) == AckLink("a-1", "gubernur-aceh", LATER)
    except BadLink:
        assert changed != token


def test_the_signature_of_one_alert_does_not_fit_another() -> None:
    """Nor that of one official another."""
    for other in (token_of(alert="a-2"), token_of(official="gubernur-sumatera-utara")):
        with pytest.raises(BadLink):
            LINKS.read(other.rpartition(".")[0] + "." + token_of().rpartition(".")[2], NOW)


def test_a_link_of_another_key_or_purpose_is_refused() -> None:
    """A token of the API, signed with the same key, opens nothing here; `none` is no algorithm."""
    claims = {"aud": "cakupan", "alert": "a-1", "sub": "g", "exp": int(LATER.timestamp())}
    unsigned = token_of().split(".")
    texts = [
        AckLinks(b"x" * 32, "https://n").url("a-1", "g", LATER).rpartition("/")[2],
        jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(KEY)),
        f"eyJhbGciOiJub25lIn0.{unsigned[1]}.",
        "", ".", "..", "é", "a" * 10_000,
    ]  # fmt: skip
    for text in texts:
        with pytest.raises(BadLink):
            LINKS.read(text, NOW)


def test_a_short_key_is_refused() -> None:
    """It could be guessed."""
    with pytest.raises(ValueError, match="at least 32"):
        AckLinks(b"short", "https://n")


def test_the_key_is_read_from_a_file_in_hex(tmp_path: Path) -> None:
    """A file that is missing, or holds something else, is named with what to do."""
    file = tmp_path / "ack.key"
    for content in (None, "no hex", "aa"):
        if content is not None:
            file.write_text(content)
        with pytest.raises(PermanentError, match=r"ack\.key holds no key .*write 64 random hex digits"):
            AckLinks.from_file(file, "https://n")
    file.write_text(KEY.hex() + "\n")
    assert AckLinks.from_file(file, "https://notifier.example.id").read(token_of(), NOW).alert == "a-1"
