"""Identities that nobody could take for anything else, and every shape in which one could leak."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Final

NIK: Final = "9876545512897531"
OTHER_NIK: Final = "9876541407913579"
KPJ: Final = "97531864209"
PASSPORT: Final = "QZ7418529"
NUMERIC_PASSPORT: Final = "741852963"
MISPLACED_NIK: Final = "9753104409862468"
"""Only ever sent where no identity belongs."""
MISPLACED_PASSPORT: Final = "XK8529637"
DOTTED_NIK: Final = "9642.0817.5308.6417"
"""As a spreadsheet or a person may write it."""
NIK_AS_ID: Final = "9531860808753197"
"""Only ever sent as the id of a fact that is accepted: the registry keeps it as the fact's key."""

SECRET: Final = (NIK, OTHER_NIK, KPJ, PASSPORT, NUMERIC_PASSPORT, MISPLACED_NIK, MISPLACED_PASSPORT, DOTTED_NIK)
BY_SCHEME: Final = {"nik": (NIK, OTHER_NIK), "kpj": (KPJ,), "passport": (PASSPORT, NUMERIC_PASSPORT)}


def shapes(mark: str) -> dict[str, bytes]:
    """Return the byte strings that would give the mark away, by name: as text, as a number, encoded, plainly hashed."""
    text = mark.encode()
    found = {"text": text, "small letters": mark.lower().encode(), "UTF-16": mark.encode("utf-16-le"),
             "hex": text.hex().encode(), "capital hex": text.hex().upper().encode()}  # fmt: skip
    for skipped in range(3):
        # The part of the base64 that does not depend on what stands around the mark.
        encoded = base64.b64encode(b"\0" * skipped + text)
        found[f"base64, {skipped} before"] = encoded[4 if skipped else 0 : len(encoded) // 4 * 4 - 4]
    if mark.isdigit():
        found |= {"number": struct.pack("<q", int(mark)), "number, big end": struct.pack(">q", int(mark))}
    if len(mark) == 16:
        found |= {"first digits": text[:12], "last digits": text[-12:]}
    return found | dict(_hashes(mark))


def _hashes(mark: str) -> Iterator[tuple[str, bytes]]:
    """Yield what anyone could compute without a key, and so try out."""
    for content in (mark, *(f"{scheme}{joint}{mark}" for scheme in BY_SCHEME for joint in "\n:/")):
        for name in ("md5", "sha1", "sha256", "blake2b"):
            digest = hashlib.new(name, content.encode(), usedforsecurity=False).digest()
            yield f"{name} of {content!r}", digest
            yield f"{name} of {content!r} in hex", digest.hex().encode()


def leaks(evidence: Mapping[str, bytes], marks: tuple[str, ...] = SECRET) -> list[str]:
    """Return where a mark is found, and in what shape."""
    wanted = [(mark, shape, needle) for mark in marks for shape, needle in shapes(mark).items()]
    return [f"{mark} as {shape} in {place}" for place, text in evidence.items()
            for mark, shape, needle in wanted if needle in text]  # fmt: skip
