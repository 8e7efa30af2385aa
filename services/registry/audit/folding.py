"""Compares two sides that must hold the same items, in memory that does not grow with them (ADR 0016).

Each item of one side adds a keyed hash to its bucket, each item of the other side takes one away. Where both sides are
equal every bucket ends at zero, whatever the order of the items. A bucket that does not is read again, item by item.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter, defaultdict
from enum import StrEnum
from typing import Final, Protocol
from zlib import crc32

BUCKETS: Final = 65_536
"""A few megabytes of sums; and of a million people a bucket holds some fifteen, which are then compared one by one."""


class Subject(StrEnum):
    """What is compared."""

    PEOPLE = "people"
    ENTRIES = "entries"
    FACTS = "facts"
    HOLDERS = "holders"


class Fold(Protocol):
    """Takes the items of both sides, in any order. All items of one `key` are in one bucket."""

    def found(self, subject: Subject, key: str, item: str, times: int = 1) -> None:
        """Take an item that is there; `times` is −1 where it is taken back."""
        ...

    def expected(self, subject: Subject, key: str, item: str) -> None:
        """Take an item that must be there once."""
        ...


class Sums:
    """The sums of both sides by bucket."""

    def __init__(self) -> None:
        # Each run has its own, so that nobody can prepare items that cancel each other out.
        self._secret = secrets.token_bytes(32)
        self._sums = {subject: [0] * BUCKETS for subject in Subject}

    def found(self, subject: Subject, key: str, item: str, times: int = 1) -> None:
        self._sums[subject][bucket_of(key)] += times * self._hash(key, item)

    def expected(self, subject: Subject, key: str, item: str) -> None:
        self._sums[subject][bucket_of(key)] -= self._hash(key, item)

    def differing(self) -> tuple[Subject, int] | None:
        """Return the first bucket whose sides differ; None where all are equal."""
        found = ((subject, bucket) for subject, sums in self._sums.items() for bucket, sum_ in enumerate(sums) if sum_)
        return next(found, None)

    def _hash(self, key: str, item: str) -> int:
        digest = hashlib.blake2b(f"{key}\n{item}".encode(), key=self._secret, digest_size=16).digest()
        return int.from_bytes(digest)


class Bucket:
    """Both sides of one bucket, item by item."""

    def __init__(self, subject: Subject, bucket: int) -> None:
        self._subject = subject
        self._bucket = bucket
        self._found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._expected: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def found(self, subject: Subject, key: str, item: str, times: int = 1) -> None:
        if subject is self._subject and bucket_of(key) == self._bucket:
            self._found[key][item] += times

    def expected(self, subject: Subject, key: str, item: str) -> None:
        if subject is self._subject and bucket_of(key) == self._bucket:
            self._expected[key][item] += 1

    def first(self) -> tuple[str, str, int, int] | None:
        """Return key, item, how often it must be there and how often it is, of the first that differ."""
        for key in sorted(self._found.keys() | self._expected.keys()):
            found, expected = self._found[key], self._expected[key]
            for item in sorted(found.keys() | expected.keys()):
                if found[item] != expected[item]:
                    return key, item, expected[item], found[item]
        return None


def bucket_of(key: str) -> int:
    """Return the bucket of all items of this key."""
    return crc32(key.encode()) % BUCKETS
