"""What the dashboards show: rows of panels, each with its PromQL. Plain data, which tests read without Grafana's SDK.

Prometheus' label of a replica is `instance`; sums and maxima go over all replicas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: its unit as Grafana names it, and PromQL → legend of each line. A `stat` shows its newest value only.

    `means` says what a good and a bad value look like, for the operator on call.
    """

    title: str
    unit: str
    lines: dict[str, str]
    means: str
    stat: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard; `uid` is part of its address and never changes."""

    uid: str
    title: str
    rows: dict[str, tuple[Panel, ...]]


def _quantiles(histogram: str, by: str = "") -> dict[str, str]:
    """Return the lines of the median and the 99th percentile of a histogram."""
    labels, legend = (f", {by}", f" {{{{{by}}}}}") if by else ("", "")
    buckets = f"sum by (le{labels}) (rate({histogram}_bucket[$__rate_interval]))"
    return {f"histogram_quantile({q}, {buckets})": f"p{q * 100:g}{legend}" for q in (0.5, 0.99)}


def _rate(counter: str, by: str) -> dict[str, str]:
    return {f"sum by ({by}) (rate({counter}[$__rate_interval]))": " ".join(f"{{{{{one}}}}}" for one in by.split(", "))}


_BURN: Final = Panel(
    "Budget used, times as fast as allowed", "none", {"slo:burn:rate1h": "{{slo}}"},
    "Below 1 the month's budget lasts. Above 14.4 somebody is paged. No line: nothing happened in an hour.",
)  # fmt: skip
_LAG: Final = Panel(
    "Lag", "s", {"max by (topic) (kafka_lag_seconds)": "{{topic}}"},
    "Age of the newest applied record while behind. 0 is good; over 60 for five minutes is a ticket.",
)  # fmt: skip
_LEDGER: Final = Panel(
    "Oldest change that waits in the ledger", "s", {"max(registry_ledger_oldest_unpublished_seconds)": "age"},
    "Under a second is usual. Over 60: Kafka or the relay stands still, and regional figures with it.",
)  # fmt: skip
_WAITING: Final = Panel(
    "Messages that wait", "none", {"max by (channel) (notifier_deliveries_waiting)": "{{channel}}"},
    "0 is usual. Messages wait while a channel does not work.",
)  # fmt: skip

BOARDS: Final = (
    Board(
        "cakupan-on-call",
        "Cakupan: on call",
        {
            "Is anything wrong?": (
                Panel(
                    "Alerts that fire",
                    "none",
                    {'sum by (alertname, severity) (ALERTS{alertstate="firing"})': "{{alertname}}"},
                    "Each has its page under docs/runbooks.",
                ),
                _BURN,
            ),
            "Does it run?": (
                Panel(
                    "Replicas",
                    "none",
                    {
                        "count(registry_ledger_unpublished)": "registry",
                        "count(coverage_verify_partition)": "coverage",
                        "count(notifier_evaluates)": "notifier",
                    },
                    "As many as were deployed.",
                    stat=True,
                ),
                Panel(
                    "Partitions that wait for an operator",
                    "none",
                    {"sum(kafka_partition_stopped)": "stopped"},
                    "0. See PartitionStopped.",
                    stat=True,
                ),
                Panel(
                    "Counters that differ",
                    "none",
                    {"max(coverage_verify_differences)": "differences"},
                    "0. See CountsDiffer.",
                    stat=True,
                ),
                Panel(
                    "Last decision",
                    "s",
                    {"time() - max(notifier_decided_until_timestamp_seconds)": "ago"},
                    "A few seconds. Over 60: officials hear nothing new.",
                    stat=True,
                ),
            ),
            "Is it late?": (_LEDGER, _LAG, _WAITING),
        },
    ),
    Board(
        "cakupan-facts",
        "Cakupan: flow of facts",
        {
            "Taken": (
                Panel(
                    "Facts by outcome",
                    "ops",
                    _rate("registry_facts_total", "outcome"),
                    "Duplicates are harmless. Many rejected: ask the sender; FactsRejected names the codes.",
                ),
                Panel(
                    "Time to the answer",
                    "s",
                    _quantiles("registry_answer_seconds"),
                    "p99 below 0.5 s is the objective.",
                ),
                Panel(
                    "Answers by status",
                    "ops",
                    _rate("http_answers_total", "status"),
                    "5xx use up the budget of intake.",
                ),
            ),
            "Stored": (
                Panel("Time of a group commit", "s", _quantiles("registry_commit_seconds"), "One MongoDB transaction."),
                Panel(
                    "Facts a group commit",
                    "none",
                    _quantiles("registry_group_facts"),
                    "Near 1,000: the registry is at its limit.",
                ),
                Panel(
                    "People changed by the clock",
                    "ops",
                    _rate("registry_swept_people_total", "job"),
                    "Rises at the beginning of a month, when payments lapse.",
                ),
            ),
            "Published": (
                Panel(
                    "Changes published",
                    "ops",
                    _rate("registry_changes_published_total", "job"),
                    "Follows the facts accepted.",
                ),
                Panel(
                    "Changes that wait", "none", {"max(registry_ledger_unpublished)": "changes"}, "0 but for moments."
                ),
                _LEDGER,
                Panel(
                    "Partitions led",
                    "none",
                    {"sum(registry_relay_partitions)": "all replicas"},
                    "12: each has a relay.",
                ),
            ),
        },
    ),
    Board(
        "cakupan-counting",
        "Cakupan: counting",
        {
            "Counted": (
                Panel(
                    "Changes",
                    "ops",
                    _rate("coverage_records_total", "outcome"),
                    "Dropped ones were sent twice: harmless.",
                ),
                Panel(
                    "From accepted to counted",
                    "s",
                    _quantiles("coverage_accepted_to_counted_seconds"),
                    "p99 below 10 s is the objective; usual is a second.",
                ),
                _LAG,
            ),
            "Flushes": (
                Panel("Time of a flush", "s", _quantiles("coverage_flush_seconds"), "One MongoDB transaction."),
                Panel("Changes a flush", "none", _quantiles("coverage_flush_changes"), "Grows while it is behind."),
                Panel(
                    "Batches applied again",
                    "ops",
                    _rate("kafka_apply_retries_total", "topic"),
                    "MongoDB was slow or away.",
                ),
            ),
            "Proved and published": (
                Panel(
                    "Since the last full proof",
                    "s",
                    {"time() - (max(coverage_verify_last_pass_timestamp_seconds) > 0)": "ago"},
                    "Days. Two weeks are a ticket. Empty before the first pass has ended.",
                    stat=True,
                ),
                Panel(
                    "Snapshots published",
                    "ops",
                    _rate("coverage_snapshots_published_total", "job"),
                    "Follows the changes.",
                ),
                Panel(
                    "Active of potential workers",
                    "percentunit",
                    {'coverage_ratio{region=~"ID|..",measure="active"}': "{{region}}"},
                    "The nation and its provinces.",
                ),
            ),
        },
    ),
    Board(
        "cakupan-alerts",
        "Cakupan: alerts and deliveries",
        {
            "Decided": (
                Panel(
                    "Alerts by state",
                    "none",
                    {"sum by (state) (notifier_alerts)": "{{state}}"},
                    "Of all rules and regions.",
                ),
                Panel(
                    "Alerts that fire, by rule",
                    "none",
                    {'notifier_alerts{state="firing"}': "{{rule}}"},
                    "Regions a rule.",
                ),
                Panel("Decisions", "ops", _rate("notifier_decisions_total", "what, reason"), "Each has its reason."),
                Panel(
                    "Offices found vacant in a day",
                    "none",
                    {'sum by (reason) (increase(notifier_decisions_total{what="vacancy"}[1d]))': "{{reason}}"},
                    "See OfficesVacant.",
                ),
            ),
            "Delivered": (
                Panel(
                    "Tries",
                    "ops",
                    _rate("notifier_deliveries_total", "outcome, channel"),
                    "Failed ones are tried again.",
                ),
                Panel(
                    "From decision to sent",
                    "s",
                    _quantiles("notifier_told_to_sent_seconds", "channel"),
                    "p99 below 60 s is the objective.",
                ),
                _WAITING,
                Panel(
                    "Messages given up",
                    "none",
                    {"max by (channel) (notifier_deliveries_dead)": "{{channel}}"},
                    "See MessagesGivenUp.",
                ),
            ),
        },
    ),
)
