"""Reads the attributes of a binary CloudEvent from HTTP headers (CloudEvents 1.0, HTTP protocol binding)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

_PREFIX: Final = "ce-"
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")


def attributes_of(headers: Mapping[str, str]) -> dict[str, str | bytes | None]:
    """Return the attributes in the headers; bytes for one that is not UTF-8."""
    return {name.removeprefix(_PREFIX): _read(value) for name, value in headers.items() if name.startswith(_PREFIX)}


def _read(value: str) -> str | bytes:
    """Read a header as the binding says: first quoted strings (RFC 9110), then percent-encoding, then UTF-8."""
    if quoted := _QUOTED.fullmatch(value):
        value = _ESCAPED.sub(r"\1", quoted[1])
    octets = unquote_to_bytes(value.encode("latin-1"))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets
