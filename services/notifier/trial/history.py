"""A region and all below it, day by day, from the coverage API: what a backtest gives the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

import httpx
import msgspec

from services.notifier.engine.events import SnapshotRead
from services.notifier.engine.instants import to_ms
from services.notifier.engine.rules import Rule
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import Catalogue
from shared.regions.codes import holds, level_of, zone_of
from shared.runtime.errors import PermanentError, TransientError

_AT_ONCE: Final = 4
"""Requests at the same time: history is computed by the replicas that also serve officials."""
_PAGE: Final = 500
_ANSWER_WITHIN_S: Final = 60.0
_MILLISECOND: Final = timedelta(milliseconds=1)


class _Page(msgspec.Struct):
    items: list[Snapshot]
    next: str | None


_page: Final = msgspec.json.Decoder(_Page)
_region: Final = msgspec.json.Decoder(Snapshot)


class History:
    """Reads the snapshots that rules look at, as of the end of each day."""

    def __init__(
        self, url: str, token: str, root: str, rules: Sequence[Rule], regions: Catalogue,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        """`root`: only it and regions below. The token reads all of these."""
        self._url = f"{url.rstrip('/')}/v1/regions"
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}"}, timeout=_ANSWER_WITHIN_S, transport=transport
        )
        self._root, self._rules = root, rules
        self._parents = list(_parents(root, rules, regions))

    def of(self, day: date, *, known_then: bool) -> list[tuple[int, SnapshotRead]]:
        """Return the snapshots of the end of the day, each at that instant in its zone, in the order of time.

        `known_then`: as was recorded by the end of that day; else as is known now.
        Raises: TransientError without an answer, PermanentError for a refusal.
        """
        params = {"as_of": day.isoformat()} | ({"known_at": day.isoformat()} if known_then else {})
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            own = pool.submit(self._own, params)
            below = list(pool.map(lambda parent: self._children(parent, params), self._parents))
        found = [each for each in [own.result(), *(one for page in below for one in page)] if self._is_watched(each)]
        return sorted((_read(snapshot, day) for snapshot in found), key=_order)

    def _is_watched(self, snapshot: Snapshot) -> bool:
        return any(rule.covers(snapshot.region) for rule in self._rules)

    def _own(self, params: dict[str, str]) -> Snapshot:
        return _region.decode(self._get(self._root, params))

    def _children(self, parent: str, params: dict[str, str]) -> list[Snapshot]:
        found: list[Snapshot] = []
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = _page.decode(self._get(f"{parent}/children", {**params, "limit": str(_PAGE), **more}))
            found += page.items
            if (cursor := page.next) is None:
                return found

    def _get(self, path: str, params: dict[str, str]) -> bytes:
        address = f"{self._url}/{path}"
        try:
            response = self._http.get(address, params=params)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(f"no answer from {address} ({type(error).__name__}); is coverage up?") from error
        if not response.is_success:
            raise PermanentError(f"{address} answered {response.status_code}: {response.text[:500]}")
        return response.content


def _parents(region: str, rules: Sequence[Rule], regions: Catalogue) -> Iterator[str]:
    """Yield the regions whose children a rule may look at, from the top."""
    if not any(_looks_below(rule, region) for rule in rules):
        return
    children = regions.children(region)
    if any(rule.covers(child) for child in children for rule in rules):
        yield region
    for child in children:
        yield from _parents(child, rules, regions)


def _looks_below(rule: Rule, region: str) -> bool:
    """Say whether the rule may cover a region below this one."""
    if not rule.levels:
        return any(holds(region, place) and place != region for place in rule.regions)
    below = _BELOW[level_of(region)] & rule.levels
    return bool(below) and any(holds(whole, region) or holds(region, whole) for whole in rule.regions)


_BELOW: Final = {
    "nation": frozenset({"province", "regency", "district", "village"}),
    "province": frozenset({"regency", "district", "village"}),
    "regency": frozenset({"district", "village"}),
    "district": frozenset({"village"}),
    "village": frozenset[str](),
}


def _read(snapshot: Snapshot, day: date) -> tuple[int, SnapshotRead]:
    """Return the snapshot at the end of its day, after those of the days before."""
    end = datetime.combine(day + timedelta(days=1), time(), zone_of(snapshot.region)) - _MILLISECOND
    placed = replace(snapshot, as_of=end, position=day.toordinal(), catching_up=False)
    return to_ms(end), SnapshotRead(placed)


def _order(event: tuple[int, SnapshotRead]) -> tuple[int, str]:
    return event[0], event[1].snapshot.region
