"""Decodes only the counted fields of a change: a replay decodes every change there ever was.

`shared.contracts.changes.Change` is the definition. The struct here names some of its fields, and a test compares the
two (ADR 0018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, Literal

import msgspec
from aiokafka import ConsumerRecord

from services.coverage.counting.change_log import LogPart
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.profiles import CountedState, Lapse, Profile, lapse_code, profile_code
from shared.adapters.dead_letters import UnusableRecord
from shared.adapters.kafka_producer import partition_for
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import WIB, level_of, regency_of

_PLACES: Final = frozenset({"regency", "district", "village"})
_KEPT: Final = 20_000
"""Cached states without region, days and instants: more than there are at a time."""
_new: Final = tuple.__new__

IsRegion = Callable[[str], bool]
Kind = Literal["joined", "rejoined", "ended", "moved", "lapsed", "activated", "returned", "reclassified", "paid"]


Refused = tuple[ConsumerRecord, UnusableRecord]
"""A record that is no change, and why."""


class _State(msgspec.Struct, gc=False, frozen=True):
    """A `State`, its days as they are written."""

    region: str
    segment: str
    groups: tuple[str, ...]
    payer: str
    programmes: tuple[str, ...]
    registered: bool
    active: bool
    paid_through: str | None
    lapses_on: str | None


class _Change(msgspec.Struct, gc=False, frozen=True):
    """The counted fields of a `Change`."""

    seq: int
    diff: Literal[1, -1]
    kind: Kind
    effective_day: str
    recorded_at: str
    source: str
    counterpart: str | None
    before: _State | None
    after: _State | None


class ChangeDecoder:
    """Decodes the changes of known regions."""

    def __init__(self, is_region: IsRegion) -> None:
        self._is_region = is_region
        self._decode = msgspec.json.Decoder(_Change).decode
        self._places: tuple[dict[str, str], ...] = tuple({} for _ in range(PARTITIONS))

    def part(self, records: Sequence[ConsumerRecord], partition: int) -> tuple[LogPart, list[Refused]]:
        """Return the changes among consecutive records of a partition; and the other records, each with its reason."""
        changes: list[CountedChange] = []
        offsets: list[int] = []
        refused: list[Refused] = []
        decode = self.decode
        for record in records:
            try:
                changes.append(decode(record.value, partition))
                offsets.append(record.offset)
            except UnusableRecord as why:
                refused.append((record, why))
        return LogPart(changes, offsets, records[-1].offset + 1), refused

    def decode(self, value: bytes | None, partition: int) -> CountedChange:
        """Return the counted fields of the change in a record of this partition.

        Raises: UnusableRecord with the reason `null_value`, `not_json`, `wrong_schema` or `unknown_region`.
        """
        try:
            change = self._decode(value or b"")
            recorded_at, recorded_day = _instant(change.recorded_at)
            before = None if change.before is None else self._counted_state(change.before, partition)
            after = None if change.after is None else self._counted_state(change.after, partition)
            # Built as a plain tuple: a call of the class takes three times as long.
            counted: CountedChange = _new(
                CountedChange,
                (change.seq, change.diff, change.kind, _day(change.effective_day), recorded_day, recorded_at,
                 change.source, change.counterpart, before, after),
            )  # fmt: skip
        except msgspec.ValidationError as error:
            raise UnusableRecord("wrong_schema", str(error)) from error
        except (ValueError, RecursionError) as error:
            raise UnusableRecord("null_value" if value is None else "not_json", str(error)) from error
        if before is None or after is None or before[0] != after[0]:
            _check_ends(before, after)
        return counted

    def _counted_state(self, state: _State, partition: int) -> CountedState:
        """Return the counted fields of a state; equal region codes become one string, to save memory."""
        region = self._places[partition].get(state.region)
        if region is None:
            self._check_place(state.region, partition)
            region = self._places[partition][state.region] = state.region
        like = _like(state.segment, state.groups, state.payer, state.programmes, state.active, state.lapses_on)
        return _new(CountedState, (region, like[0], like[1]))

    def _check_place(self, region: str, partition: int) -> None:
        if not self._is_region(region) or level_of(region) not in _PLACES:
            raise UnusableRecord("unknown_region", f"{region[:20]!r} is no regency, district or village")
        if partition_for(regency_of(region), PARTITIONS) != partition:
            raise UnusableRecord("unknown_region", f"{region} is no region of partition {partition}")


def _check_ends(before: CountedState | None, after: CountedState | None) -> None:
    if before is None and after is None:
        raise UnusableRecord("wrong_schema", "neither `before` nor `after` is given")
    if before and after and regency_of(before.region) != regency_of(after.region):
        raise UnusableRecord("wrong_schema", "`before` and `after` lie in two regencies: a move is a record for each")


@lru_cache(maxsize=_KEPT)
def _like(
    segment: str, groups: tuple[str, ...], payer: str, programmes: tuple[str, ...], active: bool, lapses_on: str | None
) -> tuple[str, str | None]:
    """Return the codes of the profile and of the lapse. There are only hundreds of them, so they are cached."""
    on = None if lapses_on is None else msgspec.convert(lapses_on, date)
    lapse = lapse_code(Lapse(on, payer, groups)) if active and on else None
    return profile_code(Profile(segment, groups, payer, programmes, active)), lapse


@lru_cache(maxsize=_KEPT)
def _day(text: str) -> date:
    return msgspec.convert(text, date)


@lru_cache(maxsize=_KEPT)
def _instant(text: str) -> tuple[datetime, date]:
    """Return the instant and its day in WIB. Raises: msgspec.ValidationError without a zone or beyond the calendar."""
    at = msgspec.convert(text, datetime)
    if at.tzinfo is None:
        raise msgspec.ValidationError("`recorded_at` has no zone")
    try:
        return at.astimezone(UTC), at.astimezone(WIB).date()
    except OverflowError as error:
        raise msgspec.ValidationError("`recorded_at` is beyond the calendar") from error
