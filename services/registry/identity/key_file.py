"""The identity key file: one key a line, oldest first. No key may ever be removed: each layer needs the one below."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from shared.runtime.errors import PermanentError

_KEY_BYTES: Final = 32
"""The size of an HMAC-SHA256 result."""
_OWNER_ONLY: Final = 0o600


def read_keys(path: Path) -> list[bytes]:
    """Return the keys in the file, oldest first.

    Raises: PermanentError saying what the file must hold; it quotes nothing of it.
    """
    try:
        keys = [bytes.fromhex(line) for line in path.read_text().split()]
    except (OSError, ValueError) as error:
        raise PermanentError(
            f"{path} must hold the identity keys, 64 hex digits a line ({type(error).__name__})"
        ) from error
    for line, key in enumerate(keys, 1):
        if len(key) != _KEY_BYTES:
            raise PermanentError(f"{path}: key {line} has {len(key)} bytes; an identity key has {_KEY_BYTES}")
    if not keys or len(set(keys)) < len(keys):
        raise PermanentError(f"{path} holds {'a key twice' if keys else 'no key'}; it must hold each key once")
    return keys


def append_key(path: Path) -> int:
    """Put a new key at the end of the file and return how many there are now. The file is replaced whole or not at all.

    Raises: PermanentError where the file cannot be read or written.
    """
    keys = [*read_keys(path), secrets.token_bytes(_KEY_BYTES)]
    fresh = path.with_suffix(".new")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "w") as out:
            out.writelines(f"{key.hex()}\n" for key in keys)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    except OSError as error:
        raise PermanentError(
            f"{path} cannot be written ({type(error).__name__}); check its owner and rights"
        ) from error
    return len(keys)
