"""One example of each fact. In this order they are the history of one person.

The identities are invented. The JSON Schemas, the OpenAPI and AsyncAPI documents and the guide show these facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PERSON: Final = {"scheme": "nik", "value": "1101014101900001"}
_CARD: Final = {"scheme": "kpj", "value": "09012345678"}


def _fact(id_: str, type_: str, time: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "bpjs/aceh",
        "type": f"cakupan.{type_}.v1",
        "time": time,
        "data": data,
    }


FACTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "enrolled": _fact(
        "f-000123",
        "enrolled",
        "2023-09-30T08:00:00+07:00",
        {
            "identity": _PERSON,
            "region": "11.01.02.2003",
            "segment": "BPU",
            "groups": ["vulnerable"],
            "payer": "apbd_regency",
            "programmes": ["JKK", "JKM"],
            "paid_through": "2023-12",
        },
    ),
    "linked": _fact("f-000124", "linked", "2023-10-02", {"identity": _PERSON, "other": _CARD}),
    "contribution_paid": _fact(
        "f-000125",
        "contribution_paid",
        "2024-01-05T09:30:00+07:00",
        {"identity": _CARD, "paid_through": "2024-03", "payer": "self"},
    ),
    "relocated": _fact("f-000126", "relocated", "2024-02-01", {"identity": _PERSON, "region": "63.10.03"}),
    "reclassified": _fact(
        "f-000127",
        "reclassified",
        "2024-03-01",
        {"identity": _PERSON, "segment": "PU", "groups": [], "payer": "employer", "programmes": ["JKK", "JKM", "JHT"]},
    ),
    "ended": _fact("f-000128", "ended", "2025-06-30", {"identity": _PERSON, "reason": "left the labour force"}),
    "corrected": _fact(
        "f-000129",
        "corrected",
        "2025-07-03T10:00:00+07:00",
        {
            "corrects": "f-000125",
            "type": "contribution_paid",
            "replacement": {"data": {"identity": _CARD, "paid_through": "2024-06", "payer": "self"}},
        },
    ),
}
"""Short name of the type → example."""

ENROLLED_AS_CSV: Final = (
    "id,source,type,time,scheme,identity,region,segment,groups,payer,programmes,paid_through\n"
    "f-000123,bpjs/aceh,enrolled,2023-09-30T08:00:00+07:00,nik,1101014101900001,11.01.02.2003,BPU,vulnerable,"
    "apbd_regency,JKK|JKM,2023-12\n"
)
"""The enrolment of `FACTS` as a CSV file."""
