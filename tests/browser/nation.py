"""A small nation with everything that a page shows; the tests of pages in a browser read it.

Kabupaten Tanah Bumbu (63.10) has a quota with villages that pass, miss and have nobody, a budget that 3,000 people's
membership ends with, a broken Desa Sadar, people without a village, and a number of September that was reported late.
Its feed is silent. Every province has people; Aceh (11) has no potential, Papua Barat Daya (96) has nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from services.coverage.reference.domain.desa_sadar import DESIGNATIONS
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.domain.sources import SOURCES, Feed
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION
from tests.factories_coverage import change, partition, state
from tests.factories_reference import tree

NOW: Final = datetime(2026, 11, 21, 6, 2, tzinfo=UTC)
PROVINCE: Final = "63"
REGENCY: Final = "63.10"
DISTRICT: Final = "63.10.02"
PASSING, SHORT, ZERO = "63.10.02.2002", "63.10.02.2003", "63.10.02.2004"
WITHOUT_POTENTIAL: Final = "11"
EMPTY: Final = "96"
_FEW: Final = "63.10.03.2001"
_SINCE: Final = date(2023, 1, 1)
_MAY, _SEPTEMBER, _OCTOBER, _NOVEMBER = date(2026, 5, 4), date(2026, 9, 15), date(2026, 10, 5), date(2026, 11, 10)
_BUDGET: Final[dict[str, Any]] = {"payer": "apbd_regency", "groups": ("vulnerable",), "lapses_on": date(2026, 12, 1)}


def _first_village(region: str) -> str:
    while below := catalogue().children(region):
        region = below[0]
    return region


OTHERS: Final = tuple(_first_village(one) for one in catalogue().children(NATION) if one not in (PROVINCE, EMPTY))
"""A village in each other province that has people."""
NEIGHBOURS: Final = tuple(_first_village(one) for one in catalogue().children(PROVINCE) if one != REGENCY)
"""A village in each other regency of the province."""
PUBLISHED: Final = tree(
    *catalogue().children(DISTRICT), _FEW, *OTHERS, *NEIGHBOURS, _first_village(EMPTY)
)  # fmt: skip
"""The regions of a release: one of all 83,762 villages would take a minute."""


def changes() -> list[Change]:
    """Return everything that happened, numbered by partition."""
    numbers: Counter[int] = Counter()
    made = []
    for one in _happened():
        place = one.after or one.before
        assert place is not None
        at = partition(place.region)
        made.append(replace(one, seq=numbers[at], change_id=f"{at:016x}{numbers[at]:016x}"))
        numbers[at] += 1
    return made


def joined(region: str, day: date, *, recorded: date | None = None, **over: Any) -> Change:
    """Return somebody's joining on a day, reported the same day unless told."""
    return change(
        effective_day=day, effective_at=_noon(day), recorded_at=_noon(recorded or day), source="bpjs/kalsel",
        after=state(region, **over),
    )  # fmt: skip


def _happened() -> Iterator[Change]:
    vulnerable: dict[str, Any] = {"groups": ("vulnerable",)}
    yield from (joined(PASSING, _MAY, **vulnerable) for _ in range(103))
    yield from (joined(PASSING, _OCTOBER, **vulnerable) for _ in range(28))
    officials: dict[str, Any] = {"segment": "PU", "payer": "employer", "groups": ("village_official",)}
    yield from (joined(PASSING, _MAY, **officials) for _ in range(5))
    yield from (joined(SHORT, _MAY, **vulnerable) for _ in range(48))
    yield from (joined(SHORT, _OCTOBER, **_BUDGET) for _ in range(40))
    yield from (joined(DISTRICT, _MAY) for _ in range(12))
    yield from (joined(REGENCY, _OCTOBER, **_BUDGET) for _ in range(2_960))
    yield from (joined(_FEW, _MAY) for _ in range(40))
    # Known in time for the sheet of 25 October, and learnt after it.
    yield from (joined(_FEW, _SEPTEMBER, recorded=date(2026, 10, 20)) for _ in range(17))
    yield from (joined(_FEW, _SEPTEMBER, recorded=date(2026, 11, 5)) for _ in range(100))
    for _ in range(4):
        yield change(
            kind="lapsed", effective_day=_NOVEMBER, effective_at=_noon(_NOVEMBER), recorded_at=_noon(_NOVEMBER),
            source="bpjs/kalsel", before=state(_FEW), after=state(_FEW, active=False),
        )  # fmt: skip
    for nth, village in enumerate(OTHERS + NEIGHBOURS):
        yield from (joined(village, _MAY) for _ in range(20 + 3 * nth))
        # Some regencies have so few that a release hides them.
        yield from (joined(village, _OCTOBER, segment="PU", payer="employer") for _ in range(nth % 7))


def statements() -> list[Statement[Any]]:
    """Return the reference data."""

    def of(
        kind: Any, region: str, series: str, value: Any, since: date = _SINCE, definition: str = "semua yang bekerja"
    ) -> Statement[Any]:
        return Statement(kind, region, series, since, value, "bps/sakernas", definition)

    path = TargetPath((PathPoint(date(2025, 12, 31), Decimal("0.38")), PathPoint(date(2026, 12, 31), Decimal("0.42"))))
    provinces = [one for one in catalogue().children(NATION) if one not in (WITHOUT_POTENTIAL, PROVINCE)]
    regencies = [one for one in catalogue().children(PROVINCE) if one != REGENCY]
    new: dict[str, Any] = {"since": date(2026, 7, 1), "definition": "pekerja di luar pertanian keluarga"}
    return [
        of(POTENTIALS, NATION, "workers", 20_000), of(POTENTIALS, PROVINCE, "workers", 13_000),
        of(POTENTIALS, REGENCY, "workers", 9_000), of(POTENTIALS, REGENCY, "workers", 8_700, **new),
        of(POTENTIALS, DISTRICT, "workers", 560), of(POTENTIALS, PASSING, "workers", 300),
        of(POTENTIALS, PASSING, "village_officials", 6),
        *(of(POTENTIALS, one, "workers", 90 + 20 * (nth % 20)) for nth, one in enumerate(provinces)),
        *(of(POTENTIALS, one, "workers", 300) for one in regencies[::2]),
        *(of(TARGETS, one, "workers active", path) for one in (NATION, PROVINCE, REGENCY, *provinces)),
        of(QUOTAS, REGENCY, "vulnerable", Quota("active", 100, ("desa",))),
        of(DESIGNATIONS, PASSING, "designated", 1, date(2026, 3, 1)),
        of(DESIGNATIONS, NATION, "quota", 198, date(2026, 1, 1)),
        Statement(SOURCES, NATION, "bpjs/kalsel", _SINCE, Feed("BPJS Kalsel", 7), "bpjs/kalsel", ""),
    ]  # fmt: skip


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
