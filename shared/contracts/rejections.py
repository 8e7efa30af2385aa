"""enrollment.facts.rejected.v1: which facts of the topic were refused, and why, without anything about a person.

The key is topic/partition/offset. After a crash a refusal may be published twice under the same key.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """One refused fact.

    `source` and `id` are null where the record has none that can be read; eleven or more digits in a row are masked,
    because they might be an identity. `field` and `detail` hold no value of the sender. `code` is the code of the
    refusal, or `conflict` where another fact has this source and id. `topic`, `partition` and `offset` are the place of
    the record.
    """

    source: str | None
    id: str | None
    code: str
    field: str | None
    detail: str
    topic: str
    partition: int
    offset: int
