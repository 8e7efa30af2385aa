"""Bounds how many facts of one caller are in flight, so that no sender fills the queue of all.

A bulk counts as a whole group commit, since the number of its facts is not known before it has been read. A larger one
counts as two where there is room, and then has two in the queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.adapters.http_problem import Problem, retry_after
from shared.runtime.auth import Caller


class InFlight:
    """Counts for each token subject the facts that were read and are not answered yet."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._facts: Counter[str] = Counter()

    @contextmanager
    def taking(self, caller: Caller, facts: int = 1) -> Iterator[None]:
        """Count so many facts of the caller during the block. Raises: Problem 429 where there would be too many."""
        held = self._facts[caller.subject]
        if held + facts > self._at_most:
            raise Problem(
                429,
                "too_many_in_flight",
                f"{held} facts of yours are being taken, at most {self._at_most} at once; wait for their answers",
                headers=retry_after(),
            )
        self._facts[caller.subject] += facts
        try:
            yield
        finally:
            self._facts[caller.subject] -= facts
            if not self._facts[caller.subject]:
                del self._facts[caller.subject]

    @contextmanager
    def taking_if_free(self, caller: Caller, facts: int) -> Iterator[bool]:
        """Count so many facts more during the block, if the caller may have them; yield whether so."""
        is_free = self._facts[caller.subject] + facts <= self._at_most
        with self.taking(caller, facts if is_free else 0):
            yield is_free
