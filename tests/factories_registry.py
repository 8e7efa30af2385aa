"""Valid facts for the registry's tests; a test states only what matters to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from services.registry.domain.facts import Fact, FactType

VILLAGE = "11.01.02.2003"
NIK = "1101014101900001"


def at(text: str) -> datetime:
    """Return the instant of an ISO text with offset, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def enrolled(id_: str = "f-1", time: str = "2026-01-10T08:00:00+07:00", **over: Any) -> Fact:
    """Return an enrolment of a BPU worker in a village of Aceh."""
    values: dict[str, Any] = {"source": "bpjs/aceh", "region": VILLAGE, "segment": "BPU"} | over
    return Fact(at(time), FactType.ENROLLED, id=id_, **values)


def paid(id_: str, paid_through: str, time: str = "2026-01-20T08:00:00+07:00", **over: Any) -> Fact:
    """Return a payment."""
    values: dict[str, Any] = {"source": "bpjs/aceh"} | over
    return Fact(at(time), FactType.CONTRIBUTION_PAID, id=id_, paid_through=paid_through, **values)


def said(type_: FactType, id_: str, time: str, **over: Any) -> Fact:
    """Return a fact of any type."""
    return Fact(at(time), type_, id=id_, **({"source": "bpjs/aceh"} | over))


def event(**over: Any) -> dict[str, Any]:
    """Return an `enrolled` CloudEvent; `data` given is merged into the valid one, a value of `...` takes a key out."""
    data = {"identity": {"scheme": "nik", "value": NIK}, "region": VILLAGE, "segment": "BPU"} | over.pop("data", {})
    document = {
        "specversion": "1.0",
        "id": "f-1",
        "source": "bpjs/aceh",
        "type": "cakupan.enrolled.v1",
        "time": "2026-09-30T08:00:00+07:00",
        "data": {key: value for key, value in data.items() if value is not ...},
    } | over
    return {key: value for key, value in document.items() if value is not ...}


def raw(**over: Any) -> bytes:
    """Return the event as it is sent."""
    return json.dumps(event(**over)).encode()
