"""enrollment.facts.rejected.v1: which fact of the topic was not taken, and why; never what it said of a person.

Keyed topic/partition/offset: a fact that was refused twice, after a crash, stands there twice under one key.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """One fact that does not count.

    `source` and `id` are null where the record told none; eleven digits or more in them are replaced, as they might be
    an identity. `code` is a refusal's code, or `conflict` where another fact has this source and id. `topic`,
    `partition` and `offset` are where the record stands.
    """

    source: str | None
    id: str | None
    code: str
    field: str | None
    detail: str
    topic: str
    partition: int
    offset: int
