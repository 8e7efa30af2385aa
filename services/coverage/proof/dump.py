"""A dump of the registry's ledger, as `cakupan-registry dump-ledger` writes it: a change a line, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import chain
from typing import BinaryIO, Final

import msgspec

from services.coverage.counting.change_log import ChangeLog, LogPart
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.kafka.decoder import ChangeDecoder
from shared.adapters.dead_letters import UnusableRecord
from shared.adapters.kafka_producer import partition_for
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import regency_of
from shared.runtime.errors import PermanentError

_LINES: Final = 2_000
"""As many changes are returned at once as from the topic."""


class _Place(msgspec.Struct):
    region: str


class _Placed(msgspec.Struct):
    seq: int
    before: _Place | None
    after: _Place | None


class LedgerDump:
    """The dump as a log of changes, read once, partition by partition in order; then the topic, for later changes."""

    name: Final = "the ledger"

    def __init__(self, file: BinaryIO, decoder: ChangeDecoder, later: ChangeLog) -> None:
        self._lines: Iterator[tuple[int, bytes]] = enumerate(file, 1)
        self._decoder = decoder
        self._later = later
        self._decode = msgspec.json.Decoder(_Placed).decode

    @asynccontextmanager
    async def opened(self, offsets: Mapping[int, int]) -> AsyncIterator[LedgerDump]:
        """See the port."""
        async with self._later.opened(offsets) as self._topic:
            self.starts = self._topic.starts
            yield self

    async def read(self, partitions: Collection[int]) -> dict[int, LogPart]:
        """Return what follows in the dump, then in the topic."""
        for partition in partitions:
            if batch := self._batch(partition):
                return {partition: LogPart(batch, (), 0)}
        return await self._topic.read(partitions)

    def _batch(self, partition: int) -> list[CountedChange]:
        """Return the next changes of the partition, empty where the dump has no more. Raises: PermanentError."""
        batch: list[CountedChange] = []
        for number, line in self._lines:
            place = self._place(number, line)
            if place > partition:
                self._lines = chain([(number, line)], self._lines)
                break
            if place < partition:
                raise PermanentError(
                    f"line {number} of the dump is of partition {place}, after others of partition {partition}: it is "
                    "not in order; write it anew with `cakupan-registry dump-ledger`"
                )
            try:
                batch.append(self._decoder.decode(line, partition))
            except UnusableRecord:
                # The topic's record was set aside too; it takes no number.
                continue
            if len(batch) == _LINES:
                break
        return batch

    def _place(self, number: int, line: bytes) -> int:
        """Return the partition of the change; -1 where it names no place."""
        try:
            change = self._decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PermanentError(
                f"line {number} of the dump is no change ({type(error).__name__}); it must be what "
                "`cakupan-registry dump-ledger` wrote"
            ) from error
        state = change.after or change.before
        return partition_for(regency_of(state.region), PARTITIONS) if state else -1
