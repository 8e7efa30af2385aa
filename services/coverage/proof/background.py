"""Proves all counters again and again in the background: one replica at a time, with about a hundredth of a core."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from time import perf_counter
from typing import Final

from services.coverage.proof.domain.recount import Difference
from services.coverage.proof.metrics import ProofMetrics
from services.coverage.proof.ports import Passed, Proof, Proofs
from services.coverage.proof.verify import Judge, Verifier
from shared.contracts.topics import PARTITIONS
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError, PermanentError, TransientError
from shared.runtime.lease import Lease, LeaseStore
from shared.runtime.logging import logger
from shared.runtime.tasks import repeat

_log = logger(__name__)

JOB: Final = "verify"
LEASE_FOR: Final = timedelta(seconds=60)
"""Longer than any piece of work takes."""
_RENEW_EVERY_S: Final = 10.0
EVERY: Final = timedelta(seconds=5)
"""Between two partitions; so a pass takes a minute at least, however little there is."""
REST: Final = 99
"""A pause is 99 times as long as the piece of work before it: the proof uses less than a hundredth of a core."""

Sleep = Callable[[float], Awaitable[None]]


class BackgroundVerifier:
    """One replica's part in the proof: only the holder of the lease compares, the others show what it found."""

    def __init__(
        self, new_verifier: Callable[[Judge], Verifier], proofs: Proofs, leases: LeaseStore, holder: str,
        clock: Clock, metrics: ProofMetrics, sleep: Sleep = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._new_verifier = new_verifier
        self._proofs = proofs
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._metrics = metrics
        self._sleep = sleep
        self._lease: Lease | None = None

    async def run(self) -> None:
        """Prove until cancelled, then free the lease for another replica; after an error a partition is begun anew."""
        try:
            await repeat(self._verify_or_log, EVERY, "the background proof", self._sleep)
        finally:
            await self._release()

    async def _verify_or_log(self) -> None:
        try:
            await self.verify_next()
        except (TransientError, PermanentError):
            raise
        except Exception:
            # A defect of ours, or a document that is no counter: neither may end the counting.
            _log.exception("the proof failed")

    async def verify_next(self) -> None:
        """Prove the next partition if nobody else does, and show how far the proof is.

        Raises: FencedError where another replica has taken it over meanwhile; then nothing is written.
        """
        proof = await self._proofs.read()
        self._metrics.show(proof)
        self._lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
        if self._lease is not None:
            proof = self._next(await self._proved(proof))
            await self._renew()
            await self._proofs.write(proof)
            self._metrics.show(proof)

    async def _proved(self, proof: Proof) -> Proof:
        """Return the proof with what its partition added; a difference is logged and shown as soon as it is found."""
        found = 0

        def judge(difference: Difference) -> None:
            nonlocal found
            found += 1
            # Without the numbers of people: whoever may see them runs `verify`.
            _log.error(
                "a counter is not what it must be", region=difference.region, measure=difference.measure,
                partition=difference.partition, seq=difference.seq,
            )  # fmt: skip
            self._metrics.show(replace(proof, differences=proof.differences + found))

        verifier = self._new_verifier(judge)
        began = perf_counter()
        async with aclosing(verifier.pieces(proof.partition)) as pieces:
            async for _ in pieces:
                await self._rest((perf_counter() - began) * REST)
                began = perf_counter()
        return replace(
            proof,
            differences=proof.differences + found,
            position=proof.position + verifier.compared.position,
            with_topic=proof.with_topic and not verifier.compared.unread,
        )

    def _next(self, proof: Proof) -> Proof:
        """Return the proof at the next partition; after the last one the pass is full, and a new one begins."""
        if proof.partition + 1 < PARTITIONS:
            return replace(proof, partition=proof.partition + 1)
        return Proof(last=Passed(self._clock.now(), proof.differences, proof.position, proof.with_topic))

    async def _rest(self, seconds: float) -> None:
        """Sleep, and renew the lease meanwhile. Raises: FencedError where another replica has it."""
        while seconds > 0:
            await self._sleep(min(seconds, _RENEW_EVERY_S))
            seconds -= _RENEW_EVERY_S
            await self._renew()

    async def _renew(self) -> None:
        self._lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
        if self._lease is None:
            raise FencedError("another replica goes on with the proof")

    async def _release(self) -> None:
        if self._lease is not None:
            try:
                await self._leases.release(self._lease, self._holder)
            except (TransientError, PermanentError) as error:
                _log.warning("the lease of the proof runs out by itself", error=str(error))
