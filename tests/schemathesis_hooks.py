"""What Schemathesis has to know of our bodies; it loads this file itself."""

from __future__ import annotations

import json
import zlib
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from shared.contracts.examples import ENROLLED_AS_CSV, FACTS

_BEGINNINGS = ("", ENROLLED_AS_CSV, "".join(json.dumps(fact) + "\n" for fact in FACTS.values()))


@schemathesis.serializer("application/x-ndjson", "text/csv")
def as_it_is(context: Any, value: Any) -> bytes:
    """Send lines as they were made."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


_HOSTILE = ("[", "*", ",", '"', ";q=nan", "W/", "gzip;q=1e999", "\u00e9", "a" * 9000, "bytes=0-", "evil.example", "0")
_HEADERS = ("If-None-Match", "Accept-Encoding", "Accept", "Host", "Range", "Origin", "Cookie", "X-Forwarded-For",
            "Traceparent", "If-Modified-Since", "Expect", "X-HTTP-Method-Override")  # fmt: skip


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Add a header that a stranger might send; the same request always gets the same one."""
    if case.meta.phase.data.parameter_location is ParameterLocation.HEADER:
        # Schemathesis leaves a header out here, and would no longer do so if the headers changed.
        return
    number = zlib.crc32(repr((case.method, case.path, case.path_parameters, case.query)).encode("utf-8", "replace"))
    name, value = _HEADERS[number % len(_HEADERS)], _HOSTILE[number // len(_HEADERS) % len(_HOSTILE)]
    case.headers.setdefault(name, value)


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Put something sound around what was made up, or no request would come beyond the first check."""
    if isinstance(body, dict) and isinstance(body.get("source"), str):
        return body | {"source": "bpjs/aceh"}
    if isinstance(body, str):
        return _BEGINNINGS[len(body) % len(_BEGINNINGS)] + body
    return body
