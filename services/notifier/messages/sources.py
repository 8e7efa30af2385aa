"""The source of a potential: its name for the sentence, its web address for the link."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")
_AROUND: Final = " \t\n,;:()[]–-"
"""Signs that stand between a name and its address."""


class Source(NamedTuple):
    """A source's name, and its address if it has one."""

    name: str
    url: str | None


def source_of(text: str) -> Source:
    """Return the name and the address of a source; of a bare address the host is the name."""
    found = _ADDRESS.search(text)
    if found is None:
        return Source(text, None)
    url = found.group().rstrip(".,;)]")
    name = text.replace(found.group(), " ").strip(_AROUND)
    return Source(name or _host(url), url)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or url).removeprefix("www.")
    except ValueError:  # Such as an IPv6 address without its end.
        return url.partition("//")[2].partition("/")[0]
