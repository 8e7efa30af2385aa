"""How long a fact takes: until it is accepted, until its region's count shows it, until the official has the message.

Facts arrive at a fixed rate, open loop. Each latency is taken twice, from the instant at which the fact was due to be
sent (what a sender feels) and from the instant at which the registry's "accepted" arrived.

- counted: the fact is the only one of its village, and `GET /v1/regions/{village}` is asked again and again until it
  shows the person. One GET, and up to 25 ms or an eighth of the figure, are the measurement's own: asking more often
  would slow down what is measured, the more so the slower it is.
- message: the fact alone makes its regency cross; the instant is the time of the .eml file that the mailbox wrote.

`load_average_before` says whether the machine was free: on a busy one the figures tell of the machine.
The first seconds warm the stack up and are left out. Client, services, Kafka and MongoDB share this machine.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from time import time
from typing import Any, Final

import httpx

from benchmarks import limits
from benchmarks.connections import ConnectionPool
from benchmarks.load import open_loop
from benchmarks.places import Arrival, arrivals, potentials_of
from benchmarks.registry.senders import LanePool
from benchmarks.report import Comparison, Spread, against, publish
from benchmarks.stack import started_stack
from deploy.local.sample.client import Client
from deploy.local.sample.people import invented_nik
from deploy.local.stack import LocalStack
from shared.regions.codes import regency_of

PER_SECOND: Final = 500
SECONDS: Final = 54
"""One fact of sixty crosses a regency of its own, and there are some 490 regencies for them."""
WARM_UP_SECONDS: Final = 3
SEED: Final = 1
_LOOK_EVERY_S: Final = 0.025
_LOOK_SHARE: Final = 1 / 8
_SETTLE_S: Final = 5.0
"""Messages still under way at the end get this long; those that are not there by then are counted as missing."""
_SENDERS: Final = 64
_READERS: Final = 32

_COUNTING: Final = (limits.MONGODB_INSERT, limits.KAFKA_HOP, limits.MONGODB_TRANSACTION)
"""A relay batch made durable, one record, one transaction that adds."""
_ACCEPTING: Final = (limits.HTTP_GET, limits.MONGODB_TRANSACTION)
_SHOWING: Final = (*_COUNTING, limits.HTTP_GET)
_TELLING: Final = (*_COUNTING, limits.KAFKA_HOP, limits.MONGODB_TRANSACTION, limits.SMTP_SEND)
"""As counting, then the snapshot's record, the rule's state with alert and delivery, the mail."""


@dataclass(slots=True)
class Trace:
    """One fact's instants, in seconds of the wall clock."""

    due: float
    accepted: float
    counted: float | None = None
    told: float | None = None


@dataclass(slots=True)
class Run:
    """What is sent where, and what became of it."""

    planned: list[Arrival]
    senders: LanePool
    reader: Client
    traces: dict[int, Trace] = field(default_factory=dict)

    async def send(self, number: int, due: float) -> None:
        """Send one fact and follow it as far as its kind asks."""
        arrival = self.planned[number]
        await self.senders.send(json.dumps(_fact(number, arrival.region)).encode())
        trace = self.traces[number] = Trace(due, accepted=time())
        if arrival.kind == "counted":
            trace.counted = await self._counted(arrival.region, trace.accepted)

    async def _counted(self, village: str, accepted: float) -> float:
        while True:
            await asyncio.sleep(max(_LOOK_EVERY_S, (time() - accepted) * _LOOK_SHARE))
            if (await self.reader.get("coverage", f"/v1/regions/{village}"))["registered"]:
                return time()


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    async with started_stack() as stack:
        bare = await _limits(stack)
        pool = ConnectionPool(_READERS)
        async with httpx.AsyncClient(timeout=30, transport=pool) as client:
            run = await _prepare(stack, client)
            await run.reader.put("potentials", potentials_of(run.planned))
            await open_loop(len(run.planned), PER_SECOND, run.send)
            missing = await _read_mails(stack, client, run)
    settings = {
        "facts_per_second": PER_SECOND,
        "seconds": SECONDS,
        "warm_up_seconds": WARM_UP_SECONDS,
        "load_average_before": round(busy, 2),
        "accepted": len(run.traces),
        "messages_missing": missing,
    }
    return publish("latency", settings, bare, _compare(run, bare))


async def _prepare(stack: LocalStack, client: httpx.AsyncClient) -> Run:
    tokens = stack.config.home.tokens
    senders = await LanePool.to(stack.config.url("registry"), (tokens / "upstream.jwt").read_text(), _SENDERS)
    return Run(arrivals(PER_SECOND * (WARM_UP_SECONDS + SECONDS), SEED), senders, Client(client, stack.config))


async def _limits(stack: LocalStack) -> dict[str, Spread]:
    config = stack.config
    return {
        **await limits.mongodb_hops(config.mongodb_uri, config.namespace),
        **await limits.kafka_hop(config.kafka, config.namespace),
        **await limits.http_get(f"{stack.config.url('coverage')}/health/live"),
        **await limits.smtp_send(config.host, config.ports["smtp"]),
    }


async def _read_mails(stack: LocalStack, client: httpx.AsyncClient, run: Run) -> int:
    """Note when each crossing's message was there, and return how many have none."""
    crossings = {
        regency_of(arrival.region): run.traces[number]
        for number, arrival in enumerate(run.planned)
        if arrival.kind == "crossing"
    }
    await asyncio.sleep(_SETTLE_S)
    arrived = _messages(stack.config.home.mailbox)
    for alert in await _alerts(stack, client):
        crossings[alert["region"]].told = arrived.get(alert["id"])
    return sum(trace.told is None for trace in crossings.values())


def _messages(mailbox: Path) -> dict[str, float]:
    """Return the instant at which each alert's message was written; the bare hop's own messages have no alert."""
    files = [(file, message_from_bytes(file.read_bytes())) for file in mailbox.glob("*.eml")]
    return {str(mail["X-Cakupan-Alerts"]): file.stat().st_mtime for file, mail in files if mail["X-Cakupan-Alerts"]}


async def _alerts(stack: LocalStack, client: httpx.AsyncClient) -> list[dict[str, Any]]:
    url = f"{stack.config.url('notifier')}/v1/alerts"
    headers = {"Authorization": f"Bearer {(stack.config.home.tokens / 'operator.jwt').read_text()}"}
    answer = (await client.get(url, params={"limit": 500}, headers=headers)).raise_for_status()
    return list(answer.json()["items"])


def _compare(run: Run, bare: dict[str, Spread]) -> dict[str, Comparison]:
    """Return each latency beside the bare hops on its way, the warm-up left out."""
    traces = [trace for number, trace in run.traces.items() if number >= WARM_UP_SECONDS * PER_SECOND]
    counted = [(t.due, t.accepted, t.counted) for t in traces if t.counted is not None]
    told = [(t.due, t.accepted, t.told) for t in traces if t.told is not None]
    accepting = Spread.of([t.accepted - t.due for t in traces])
    return {
        "due → accepted": against(accepting, _ACCEPTING, bare),
        "accepted → counted": against(Spread.of([end - taken for _, taken, end in counted]), _SHOWING, bare),
        "due → counted": against(Spread.of([end - due for due, _, end in counted]), _ACCEPTING + _SHOWING, bare),
        "accepted → message": against(Spread.of([end - taken for _, taken, end in told]), _TELLING, bare),
        "due → message": against(Spread.of([end - due for due, _, end in told]), _ACCEPTING + _TELLING, bare),
    }


def _fact(number: int, region: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    nik = invented_nik(number, date(1990, 1, 1), woman=False)
    return {
        "specversion": "1.0",
        "id": f"benchmark-{number:06d}",
        "source": "bpjs/aceh",
        "type": "cakupan.enrolled.v1",
        "time": now.isoformat(),
        "data": {
            "identity": {"scheme": "nik", "value": nik},
            "region": region,
            "segment": "BPU",
            "paid_through": f"{now + timedelta(days=90):%Y-%m}",
        },
    }
