"""Facts for the registry's benchmarks: each of a new person, spread over the villages of Aceh."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from random import Random
from typing import Final

import msgspec

from deploy.local.sample.aceh import village_counts, villages
from deploy.local.sample.people import invented_nik

_SEED: Final = 1
_PEOPLE_A_BIRTHDAY: Final = 1_000_000
"""So many NIKs `invented_nik` has for one day of birth."""


def places() -> Iterator[str]:
    """Yield villages of Aceh without end, in no order."""
    known = [village for regency in village_counts() for village in villages(regency)]
    Random(_SEED).shuffle(known)
    return cycle(known)


def facts(
    count: int, *, run: str, first: int = 0, time: datetime | None = None, apart: timedelta = timedelta()
) -> Iterator[bytes]:
    """Yield enrolments as they are sent, of people `first` and on; `run` keeps their ids apart from other runs'.

    Their times begin with `time`, which is now if not given, and lie so far `apart`.
    """
    now = datetime.now(UTC)
    began = time or now
    month = f"{now.year + 1}-{now.month:02d}"
    for number, village in enumerate(islice(places(), count), first):
        birthday = date(1970, 1 + number // _PEOPLE_A_BIRTHDAY, 1)
        data = {
            "identity": {"scheme": "nik", "value": invented_nik(number % _PEOPLE_A_BIRTHDAY, birthday, woman=False)},
            "region": village,
            "segment": "BPU",
            "groups": ["vulnerable"],
            "paid_through": month,
        }
        yield msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": f"{run}-{number:07d}",
                "source": "bpjs/aceh",
                "type": "cakupan.enrolled.v1",
                "time": (began + (number - first) * apart).isoformat(),
                "data": data,
            }
        )
