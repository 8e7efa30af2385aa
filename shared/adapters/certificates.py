"""Until when the authorities are valid that this process trusts: after that it connects to nothing any more."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge


def show_expiry(files: Mapping[str, Path], registry: CollectorRegistry) -> None:
    """Show the end of the authorities' certificates in each mounted file, read anew with each scrape.

    `files`: server's name, which becomes a label, → file with PEM.
    """
    gauge = Gauge(
        "trusted_ca_expiration_timestamp_seconds", "When the last certificate of the mounted file of authorities ends",
        ("server",), registry=registry,
    )  # fmt: skip
    for server, file in files.items():
        gauge.labels(server).set_function(partial(_expiry, file))


def _expiry(file: Path) -> float:
    """Return the latest end, in seconds since 1970; 0 where the file cannot be read, which is as bad as an expiry.

    While an authority is renewed, the file holds the old certificate and the new one.
    """
    try:
        trusted = ssl.create_default_context(cafile=file).get_ca_certs()
    except (OSError, ValueError):
        return 0
    return max((float(ssl.cert_time_to_seconds(str(one["notAfter"]))) for one in trusted), default=0)
