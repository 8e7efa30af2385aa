"""Writes README's "How fast" from the files in `results/`, so that no figure in it is written by hand.

`python -m benchmarks` does so after each run. A row that was not measured yet, or only by an earlier form of its
benchmark, says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.report import RESULTS

README: Final = Path(__file__).parent.parent / "README.md"
_BEGIN, _END = "<!-- python -m benchmarks: begin -->\n", "<!-- end -->\n"

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the work, the benchmark it is measured by, what its result says of it, and what we want."""

    work: str
    benchmark: str
    says: Callable[[Found], str]
    wanted: str


def _rate(name: str) -> Callable[[Found], str]:
    """Say the share of the limit, and both rates."""

    def says(found: Found) -> str:
        rate = found["measured"][name]
        ours, limit = rate["per_second"], rate["limit_per_second"]
        return f"**{ours / limit:.2g}** ({ours:,.0f}/s of {limit:,.0f}/s)"

    return says


def _single(found: Found) -> str:
    p99 = found["measured"]["single POST"]["spread"]["p99_ms"]
    return f"{_rate('single POST')(found)}, p99 {p99:.0f} ms"


def _to_topic(found: Found) -> str:
    spread = found["measured"]["accepted → on the topic"]["spread"]
    return f"p50 {spread['p50_ms']:.0f} ms, p99 {spread['p99_ms']:.0f} ms"


def _two_registries(found: Found) -> str:
    rates = found["measured"]
    two, one = (rates[f"bulk NDJSON{by}, facts"]["per_second"] for by in (" by two replicas", ""))
    return f"{two / one:.2f} times one"


def _two_replays(found: Found) -> str:
    rates = found["measured"]
    one = rates["replay of 1,000,000 changes"]["per_second"]
    return f"{rates['replay by two replicas']['per_second'] / one:.2f} times one"


def _figure(name: str, unit: str) -> Callable[[Found], str]:
    return lambda found: f"{found['figures'][name]:g}{unit}"


def _percentile(name: str, rank: str) -> Callable[[Found], str]:
    """Say a percentile beside that of the bare hops on the same way."""

    def says(found: Found) -> str:
        one = found["measured"][name]
        return f"{one['measured'][f'{rank}_ms']:.0f} ms (bare {one['limit'][f'{rank}_ms']:.0f} ms)"

    return says


def _growth(found: Found) -> str:
    rates = [rate["per_second"] for rate in found["measured"].values()]
    return f"{rates[-1] / rates[0]:.2f} of the rate at 100,000 (cache {found['settings']['mongodb_cache_gb']:g} GB)"


def _safety(found: Found) -> str:
    ratio: float = found["ratios"]["official's page, p99"]
    return f"{ratio:g}"


def _restart(found: Found) -> str:
    restart = found["measured"]["restart"]
    return f"{restart['seconds']:.0f} s, at most {restart['peak_mb']} MB"


def _deliveries(found: Found) -> str:
    took = {by: round(one["took_s"]) for by, one in found["measured"].items()}
    return f"{took['1 replicas']} s by one, {took['2 replicas']} s by two (limit {found['limits']['limit_s']:.0f} s)"


_REPLAY: Final = "replay of 1,000,000 changes"
_PAST: Final = "the nation as of the last month's end"
_USUAL: Final = "the usual way (FastStream, Pydantic, update_one)"

ROWS: Final = (
    Row("facts by bulk NDJSON ÷ bare transactions", "registry", _rate("bulk NDJSON, facts"), "0.25"),
    Row("facts by bulk CSV ÷ bare transactions", "registry", _rate("bulk CSV, facts"), "0.25"),
    Row("bulk by two replicas on the same two cores", "registry", _two_registries, "–"),
    Row("single POST, 64 connections ÷ a bare route", "registry", _single, "0.7, p99 60 ms"),
    Row("people swept as months pass ÷ bare transactions", "registry", _rate("sweep, people"), "0.25"),
    Row("accepted → on the topic, 500 facts/s", "registry", _to_topic, "p50 20, p99 100 ms"),
    Row("651,652 facts from a file, until counted", "import", _figure("seconds until counted", " s"), "90 s"),
    Row("facts of new people when there are two million", "growth", _growth, "0.8, cache 1 GB"),
    Row("changes replayed ÷ a loop that discards them", "coverage", _rate(_REPLAY), "0.25"),
    Row("replayed by two replicas on the same two cores", "coverage", _two_replays, "1.7"),
    Row("the usual way ÷ the same loop", "coverage", _rate(_USUAL), "–"),
    Row("cost of a change in 83,762 villages ÷ in 5,000", "coverage",
        _figure("cost of a change in 83,762 villages ÷ in 5,000", ""), "1.5"),
    Row("accepted → counted, 500 facts/s, p99", "latency", _percentile("accepted → counted", "p99"), "300 ms"),
    Row("accepted → message, 500 facts/s, p99", "latency", _percentile("accepted → message", "p99"), "1 s"),
    Row("the nation as of last month, ten million people, p95", "reading", _percentile(_PAST, "p95"), "100 ms"),
    Row("a page of today at 50 requests/s, p95", "pages", _percentile("a page of today", "p95"), "150 ms"),
    Row("a page of last month's end, p95", "pages", _percentile("a page of last month's end", "p95"), "400 ms"),
    Row("an official's p99 beside hostile callers ÷ alone", "safety", _safety, "5"),
    Row("50 rules over all 83,762 villages once", "notifier", _restart, "30 s"),
    Row("10,000 e-mails to a server that takes 200 ms each", "deliveries", _deliveries, "120 s"),
)  # fmt: skip


def readme() -> str:
    """Return README with the table between its marks."""
    before, rest = README.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    return f"{before}{_BEGIN}{''.join(_lines())}{_END}{after}"


def _lines() -> Iterable[str]:
    yield "| work | found | wanted | measured |\n|---|---|---|---|\n"
    for row in ROWS:
        found = _result(row.benchmark)
        try:
            says, at = row.says(found), found["at"][:10]
        except KeyError:
            says, at = "not measured yet", ""
        yield f"| {row.work} | {says} | {row.wanted} | {at} |\n"


def _result(benchmark: str) -> Found:
    file = RESULTS / f"{benchmark}.json"
    return json.loads(file.read_text()) if file.exists() else {}
