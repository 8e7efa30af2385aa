"""Packs a person's facts into a few bytes each: a table of words, and rows that point into it (ADR 0016).

As BSON, ten years of monthly payments took 22 kB, read and written whole at every change.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from services.registry.domain.facts import Fact, FactType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DEFLATE_OVER_BYTES: Final = 1024
"""Some twenty facts. Nearly all people have fewer, and there is nothing to gain."""
_FAST: Final = 1
"""The strongest level saves another twentieth and takes twice as long."""
_DEFLATED: Final = zlib.compress(b"")[:1]
"""The first byte of every deflated stream. One that is not deflated begins with the mark of an array of three."""

PackedFact = list[Any]
"""Milliseconds since 1970, type, source, id, holder, paid_through, region, segment, payer, groups, programmes.
Words are places in the table, except the id. Absent values at the end are left out."""
_ROW_LENGTH: Final = 11

_decoder: Final = msgspec.msgpack.Decoder(tuple[list[str], list[PackedFact], list[int]])


def pack(facts: Sequence[Fact], sources: Sequence[str]) -> bytes:
    """Return the packed facts and the sources of the published transitions."""
    words: dict[str, int] = {}
    rows = [_row(fact, words) for fact in facts]
    sent_as = [words.setdefault(source, len(words)) for source in sources]
    packed = msgspec.msgpack.encode((list(words), rows, sent_as))
    return zlib.compress(packed, _FAST) if len(packed) > _DEFLATE_OVER_BYTES else packed


def unpack(packed: bytes) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """Return the facts and the sources that were packed."""
    plain = zlib.decompress(packed) if packed.startswith(_DEFLATED) else packed
    words, rows, sent_as = _decoder.decode(plain)
    return tuple([_fact(row, words) for row in rows]), tuple([words[place] for place in sent_as])


def _row(fact: Fact, words: dict[str, int]) -> PackedFact:
    place = words.setdefault
    row: PackedFact = [
        (fact.effective_at - _EPOCH) // _MILLISECOND,
        place(str(fact.type), len(words)),
        place(fact.source, len(words)),
        fact.id,
    ]
    for word in (fact.holder, fact.paid_through, fact.region, fact.segment, fact.payer):
        row.append(None if word is None else place(word, len(words)))
    for many in (fact.groups, fact.programmes):
        row.append(None if many is None else [place(word, len(words)) for word in many])
    while row[-1] is None:
        row.pop()
    return row


def _fact(row: PackedFact, words: Sequence[str]) -> Fact:
    row += [None] * (_ROW_LENGTH - len(row))
    at, type_, source, id_, holder, month, region, segment, payer, groups, programmes = row
    return Fact(
        effective_at=_EPOCH + timedelta(milliseconds=at),
        type=FactType(words[type_]),
        source=words[source],
        id=id_,
        holder=words[holder],
        region=None if region is None else words[region],
        segment=None if segment is None else words[segment],
        groups=None if groups is None else tuple([words[place] for place in groups]),
        payer=None if payer is None else words[payer],
        programmes=None if programmes is None else tuple([words[place] for place in programmes]),
        paid_through=None if month is None else words[month],
    )
