"""Work a second beside its limit: how such figures are shown and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.report import Spread, keep


@dataclass(frozen=True, slots=True)
class Rate:
    """What was done a second, and what the limit did in the same run; latencies where the work has any."""

    per_second: float
    limit_per_second: float | None
    wanted: float | None = None
    spread: Spread | None = None
    limit_spread: Spread | None = None

    @property
    def ratio(self) -> float | None:
        """The share of the limit that was reached."""
        return self.limit_per_second and round(self.per_second / self.limit_per_second, 2)


def publish(
    name: str, settings: Mapping[str, Any], found: Mapping[str, Rate], figures: Mapping[str, float] | None = None
) -> Path:
    """Print the result as JSON and as a table of ratios, keep it as results/<name>.json, and return that file.

    `figures` are those that are no rate, under names that say their unit.
    """
    measured = {what: {**asdict(rate), "ratio": rate.ratio} for what, rate in found.items()}
    document = {"settings": dict(settings), "measured": measured}
    return keep(name, document | ({"figures": dict(figures)} if figures else {}), _table(name, found))


def _table(name: str, found: Mapping[str, Rate]) -> Table:
    table = Table("", "a second", "limit", "ratio", "wanted", "p50 ms", "p99 ms", "limit p50", "limit p99", title=name)
    for what, rate in found.items():
        figures = (rate.per_second, rate.limit_per_second)
        latencies = [ms for one in (rate.spread, rate.limit_spread) for ms in _milliseconds(one)]
        shares = [f"{share}" if share else "" for share in (rate.ratio, rate.wanted)]
        table.add_row(what, *(f"{x:,.0f}" if x else "" for x in figures), *shares, *latencies)
    return table


def _milliseconds(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.p50_ms:.1f}", f"{spread.p99_ms:.1f}") if spread else ("", "")
