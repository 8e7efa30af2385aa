"""MongoDB's profiler over the whole end-to-end run. It keeps what reads more than it returns, or asks every shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pymongo import MongoClient

from deploy.sharding import SHARDED

SPARE_DOCUMENTS: Final = 10
"""So many documents more than it returns a query may read; beyond, its cost grows with the collection."""
_NEVER_GROW: Final = ("leases", "members")
"""A document a partition, a job or a replica: reading all of them is cheaper than an index."""
_KEPT_BYTES: Final = 32 * 1024 * 1024
_RETURNED: Final = {"$ifNull": ["$nreturned", {"$ifNull": ["$nMatched", {"$ifNull": ["$ndeleted", 0]}]}]}
_WASTEFUL: Final = {
    # Not our own reading of what was kept.
    "ns": {"$not": {"$regex": r"\.system\.profile$"}},
    "$or": [
        {"planSummary": {"$regex": "COLLSCAN"}},
        {"$expr": {"$gt": [{"$subtract": ["$docsExamined", _RETURNED]}, SPARE_DOCUMENTS]}},
    ],
}
_QUERIES: Final = ("filter", "q", "query")
"""Where a find, an update or delete, and a findAndModify or count have their query."""


def start(mongodb_uri: str, databases: Sequence[str]) -> None:
    """Profile these databases from now on. MongoDB judges each operation and keeps few, so nothing is slowed down."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        for name in databases:
            client[name].create_collection("system.profile", capped=True, size=_KEPT_BYTES)
            client[name].command({"profile": 1, "filter": {"$or": [_WASTEFUL, *_asking_every_shard(name)]}})


def _asking_every_shard(database: str) -> Iterator[dict[str, Any]]:
    """Yield what matches an operation on a sharded collection that names no single values of the shard key."""
    for named, key in SHARDED.items():
        service, collection = named.split(".")
        if database.endswith(f"cakupan_{service}"):
            paths = [f"command.{query}.{key}" for query in _QUERIES]
            absent = {path: {"$exists": False} for path in paths}
            ranges = [{path: {"$type": "object"}, "$expr": {"$not": _has_in(path)}} for path in paths]
            reads = {"ns": f"{database}.{collection}", "op": {"$in": ["query", "update", "remove", "command"]}}
            yield reads | {"$or": [absent, *ranges]}


def _has_in(path: str) -> dict[str, Any]:
    """Return the expression that is true where the query gives the field's values by `$in`."""
    operators = {"$map": {"input": {"$objectToArray": f"${path}"}, "in": "$$this.k"}}
    return {"$in": [{"$literal": "$in"}, {"$ifNull": [operators, []]}]}


def wasteful(mongodb_uri: str, databases: Sequence[str]) -> list[str]:
    """Return a line for each kind of query that has no index or reads far more than it returns.

    A read of a whole collection that returns all of it is none: verify, replay and dump do that.
    """
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        return sorted({line for name in databases for line in _lines(client[name]["system.profile"].find(_WASTEFUL))})


def asking_every_shard(mongodb_uri: str, databases: Sequence[str]) -> set[str]:
    """Return the kinds of query of a sharded collection that name no shard key: `<service>.<collection> by <fields>`.

    A read of a whole collection names no field, and is left out.
    """
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        found: set[str] = set()
        for name in databases:
            for condition in _asking_every_shard(name):
                for entry in client[name]["system.profile"].find(condition):
                    if fields := sorted(_query(entry["command"])):
                        found.add(f"{entry['ns'].rpartition('cakupan_')[2]} by {', '.join(fields)}")
        return found


def collections(mongodb_uri: str, databases: Sequence[str]) -> set[str]:
    """Return the names of all collections, `<service>.<collection>`."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        return {
            f"{name.rpartition('cakupan_')[2]}.{collection}"
            for name in databases
            for collection in client[name].list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}})
        }


def _query(command: dict[str, Any]) -> dict[str, Any]:
    for place in _QUERIES:
        if place in command:
            found: dict[str, Any] = command[place]
            return found
    return next((stage["$match"] for stage in command.get("pipeline", ()) if "$match" in stage), {})


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
