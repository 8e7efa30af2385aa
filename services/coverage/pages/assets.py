"""Static files. Each has a hash of its content in its address, so that a reader keeps it for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

PREFIX: Final = "/aset/"
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_PARTS: Final = {
    "halaman.css": ("pages.css", "drawing.css"),
    # One file: each further request costs a reader on 3G a third of a second.
    "halaman.js": ("vendor/htmx-4.0.1.min.js", "vendor/hx-sse-4.0.1.min.js", "live.js"),
    "ikon.svg": ("icon.svg",),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served; `address` holds its hash."""

    address: str
    media_type: str
    body: bytes


@cache
def assets() -> dict[str, Asset]:
    """Return the files by name."""
    folder = resources.files("services.coverage.pages") / "static"
    found = {}
    for name, parts in _PARTS.items():
        stem, _, ending = name.partition(".")
        body = b"\n".join((folder / part).read_bytes() for part in parts)
        digest = hashlib.blake2b(body, digest_size=6).hexdigest()
        found[name] = Asset(f"{PREFIX}{stem}.{digest}.{ending}", _TYPES[ending], body)
    return found
