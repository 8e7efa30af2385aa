"""Layers of keyed hashes, and the file the keys are in."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.identity.hashing import Secrets
from services.registry.identity.identity import Identity
from services.registry.identity.key_file import append_key, read_keys
from services.registry.identity.ports import Layers
from shared.runtime.errors import PermanentError

ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32
ALL = Secrets.derive(ONE, TWO, THREE)
WHO = Identity("nik", "1101014101900001")


def test_the_first_layer_is_the_hmac_of_the_identity_and_each_next_one_that_of_the_layer_below() -> None:
    """So it can be raised without the identity; reckoned here by hand."""
    keys = [hmac.digest(key, b"cakupan/identity", "sha256") for key in (ONE, TWO)]
    first = hmac.digest(keys[0], b"nik\n1101014101900001", "sha256")
    assert ALL.hashes(WHO, Layers(1, 2)) == [first, hmac.digest(keys[1], first, "sha256")]
    assert ALL.raised(first, 2) == ALL.hashes(WHO, Layers(2, 2))[0]


@given(st.integers(1, 3), st.integers(1, 3), st.binary(min_size=16, max_size=16))
def test_a_digest_is_the_same_however_many_steps_it_is_raised_in(one: int, other: int, digest: bytes) -> None:
    """From any layer to any above it."""
    low, high = sorted((one, other))
    assert ALL.digest_at(high, ALL.digest_at(low, digest), low) == ALL.digest_at(high, digest)


def test_the_key_of_a_change_stays_that_of_the_first_secret() -> None:
    """A `change_id` must be the same in every publication; it covers no identity."""
    assert ALL.change == Secrets.derive(ONE).change != Secrets.derive(TWO).change
    assert ALL.content == Secrets.derive(ONE).content


def test_keys_are_named_without_telling_anything_of_them() -> None:
    """By eight hex digits, derived for nothing else."""
    assert ALL.ids == [hmac.digest(key, b"cakupan/key-id", "sha256").hex()[:8] for key in (ONE, TWO, THREE)]
    assert hashlib.sha256(ONE).hexdigest()[:8] not in ALL.ids


def test_a_layer_whose_key_is_not_there_is_told_to_the_operator() -> None:
    """To such a replica everyone would be new."""
    ALL.require(Layers(2, 3))
    with pytest.raises(PermanentError, match="whole file"):
        Secrets.derive(ONE).require(Layers(1, 2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no key"),
        ("5e" * 31, "31 bytes"),
        ("5e" * 32 + "\n" + "5e" * 33, "key 2 has 33 bytes"),
        (("5e" * 32 + "\n") * 2, "a key twice"),
        ("zz" * 32, "64 hex digits"),
        (None, "FileNotFoundError"),
    ],
)
def test_a_key_file_that_cannot_be_right_is_refused_without_quoting_it(
    tmp_path: Path, text: str | None, says: str
) -> None:
    """Missing, empty, cut off, doubled, not hexadecimal."""
    file = tmp_path / "identity.key"
    if text is not None:
        file.write_text(text)
    with pytest.raises(PermanentError, match=says) as refused:
        read_keys(file)
    assert "5e5e" not in str(refused.value)
    assert "zz" not in str(refused.value)


def test_a_new_key_comes_last_and_the_file_stays_its_owners(tmp_path: Path) -> None:
    """A file of one line, as it always was, with or without its line end."""
    file = tmp_path / "identity.key"
    file.write_text(ONE.hex())
    assert append_key(file) == 2
    assert read_keys(file)[0] == ONE
    assert append_key(file) == 3
    assert len(set(read_keys(file))) == 3
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
