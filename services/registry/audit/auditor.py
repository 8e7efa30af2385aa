"""Checks the ledger and publishes it anew, as the commands ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from services.registry.audit.ports import Audit, ReplayTopic
from services.registry.audit.replay import dump, replay
from services.registry.audit.verify import Counted, PartitionOf, verify
from shared.adapters.progress_bar import ProgressBar
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError


class Auditor:
    """Checks a registry's ledger, and replays it."""

    def __init__(
        self,
        *,
        audit: Audit,
        secret: bytes,
        partition_of: PartitionOf,
        clock: Clock,
        relayed_to: str,
        topic: Callable[[str], ReplayTopic],
    ) -> None:
        self._audit = audit
        self._secret = secret
        self._partition_of = partition_of
        self._clock = clock
        self._relayed_to = relayed_to
        self._topic = topic

    async def verify(self, progress: ProgressBar) -> Counted:
        """Return how much was compared, once all of it agrees. Raises: DifferenceFound."""
        async with self._audit.snapshot() as snapshot:
            return await verify(snapshot, self._secret, self._partition_of, progress)

    async def replay(self, topic: str, progress: ProgressBar, *, resume: bool) -> int:
        """Return how many changes were published on the topic.

        Raises: PermanentError where the topic is not fit for it, or replicas still publish on it.
        """
        relays = await self._audit.relays(self._clock.now())
        if topic == self._relayed_to and relays:
            raise PermanentError(f"{', '.join(sorted(relays))} relay to {topic}: stop them first, and wait 5 s")
        return await replay(self._audit.numbered(), self._topic(topic), progress, resume=resume)

    def dump(self, progress: ProgressBar) -> AsyncIterator[str]:
        """Yield every change that has a number, as on the topic."""
        return dump(self._audit.numbered(), progress)
