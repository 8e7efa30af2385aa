"""MongoDB's profiler over the whole end-to-end run: it keeps every query that reads more than it returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pymongo import MongoClient

SPARE_DOCUMENTS: Final = 10
"""So many documents more than it returns a query may read; beyond, its cost grows with the collection."""
_NEVER_GROW: Final = ("leases", "members")
"""A document a partition, a job or a replica: reading all of them is cheaper than an index."""
_KEPT_BYTES: Final = 16 * 1024 * 1024
_RETURNED: Final = {"$ifNull": ["$nreturned", {"$ifNull": ["$nMatched", {"$ifNull": ["$ndeleted", 0]}]}]}
_WASTEFUL: Final = {
    "$or": [
        {"planSummary": {"$regex": "COLLSCAN"}},
        {"$expr": {"$gt": [{"$subtract": ["$docsExamined", _RETURNED]}, SPARE_DOCUMENTS]}},
    ]
}
"""MongoDB judges each operation by this and keeps few, so that profiling slows nothing down."""


def start(mongodb_uri: str, databases: Sequence[str]) -> None:
    """Profile these databases from now on."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        for name in databases:
            client[name].create_collection("system.profile", capped=True, size=_KEPT_BYTES)
            client[name].command({"profile": 1, "filter": _WASTEFUL})


def wasteful(mongodb_uri: str, databases: Sequence[str]) -> list[str]:
    """Return a line for each kind of query that has no index or reads far more than it returns.

    A read of a whole collection that returns all of it is none: verify, replay and dump do that.
    """
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        return sorted({line for name in databases for line in _lines(client[name]["system.profile"].find())})


def _lines(entries: Any) -> Iterator[str]:
    for entry in entries:
        if entry["ns"].endswith(_NEVER_GROW):
            continue
        command = entry.get("originatingCommand") or entry["command"]
        asked = command.get("filter") or command.get("q") or command.get("query") or command.get("pipeline")
        whole = entry["docsExamined"] <= entry.get("nreturned", 0) + SPARE_DOCUMENTS
        if asked or not whole:
            by = sorted(asked) if isinstance(asked, dict) else asked
            yield f"{entry['ns']}: {entry['op']} by {by}, {entry.get('planSummary')}"
