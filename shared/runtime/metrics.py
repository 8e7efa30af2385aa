"""Prometheus buckets that fit our measurements. Labels never hold a personal value or a free text."""

from __future__ import annotations

from typing import Final

FAST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
"""For one step: a transaction, a flush, a produce."""

WAY_SECONDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 900, 3600)
"""For the way through several services, where minutes mean that an outage was bridged."""

SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
"""For the number of facts or records handled at once."""
