"""How MongoDB is divided among shards, beyond what one replica set holds (docs/guides/scale.md has the same table).

Names are `<service>.<collection>`; a service's database is `cakupan_<service>`.
"""

from __future__ import annotations

from typing import Final

SHARDED: Final = {
    "registry.participants": "_id",
    "registry.identities": "_id",
    "registry.moved": "_id",
    "registry.facts": "_id",
    "registry.ledger": "_id",
    "coverage.pages": "region",
}
"""Collection → shard key, always hashed. These grow with people and facts, and are read by exactly this field:
a person, a keyed identity, a fact's source and id, an entry of the ledger, a region's past."""

WHOLE: Final = {
    "registry.outbox": "empties within milliseconds; while Kafka is away it takes twelve small documents a commit",
    "registry.manifests": "a document for each batch of the relay, hundreds of changes",
    "registry.leases": "a document for each partition and job",
    "registry.members": "a document for each replica",
    "registry.erasures": "a document for each person erased",
    "coverage.checkpoints": "a document for each partition",
    "coverage.counters": "a document for each district, regency and province: they grow with regions, not with people",
    "coverage.reference": "a document for each row that an operator loads",
    "coverage.reference_imports": "a document for each file that an operator loads",
    "coverage.proofs": "a document for each partition",
    "coverage.leases": "a document for each job",
    "coverage.members": "a document for each replica",
    "coverage.releases": "a document a month",
    "coverage.release_regions": "a document for each region and month",
    "coverage.release_figures": "the figures behind these",
    "notifier.evaluator": "one document",
    "notifier.regions": "a document for each region; one replica loads all of them",
    "notifier.watches": "a document for each rule and region that is not at rest; likewise",
    "notifier.digests": "a document for each official and rule; likewise",
    "notifier.silences": "a document for each silence in force; likewise",
    "notifier.rules": "a document for each version of the rules",
    "notifier.directories": "a document for each version of the directory",
    "notifier.inputs": "a document for each silence, acknowledgement and directory",
    "notifier.counters": "two documents",
    "notifier.journal": "empty but for a moment",
    "notifier.alerts": "a document for each episode: some hundred thousand a year",
    "notifier.decisions": "a document for each step of an episode",
    "notifier.deliveries": "a document for each message: some officials hear of some episodes",
    "notifier.leases": "one document",
    "notifier.members": "a document for each replica",
}
"""Collection → why it stays whole, on its database's primary shard."""

ASKS_EVERY_SHARD: Final = {
    "registry.participants by due_at": "the sweep looks once a second for whoever is due; each shard has the index",
    "registry.identities by holder": "an erasure looks for all identities of one person; each shard has the index",
    "registry.identities by key": "key rotation looks for identities below the newest key",
}
"""Queries of a sharded collection that name no shard key, by the fields that they name, and why they may.

Commands that read a whole collection (`verify`, `replay-ledger`, `rotate-key`) ask every shard by their nature.
"""


def commands() -> list[str]:
    """Return the lines for mongosh that shard the collections."""
    return [f'sh.shardCollection("cakupan_{name}", {{{key}: "hashed"}})' for name, key in SHARDED.items()]
