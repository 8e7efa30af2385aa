"""10,000 e-mails to a mail server that takes 200 ms for each: from waiting in MongoDB to accepted.

The whole way is measured: claim, read facts, compose with a picture, store the message, send, record. Beside it stands
what no sender can beat, 200 ms × messages ÷ connections, and bare senders over as many kept connections, which send
one ready mail again and again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import aiosmtplib
import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session
from prometheus_client import CollectorRegistry
from rich.table import Table

from benchmarks.report import keep
from deploy.local.mongod import Mongod
from deploy.local.ports import free_ports
from services.notifier.delivery.channels.email import MailServer, SmtpChannel, assemble
from services.notifier.delivery.deliverer import Deliverer, Lane, Policy
from services.notifier.delivery.deliveries import Delivery, delivery_document, new_delivery
from services.notifier.delivery.facts import FactsReader
from services.notifier.delivery.metrics import DeliveryMetrics
from services.notifier.delivery.mongo import MongoDeliveries
from services.notifier.engine import decisions
from services.notifier.engine.decisions import AlertKey, Occasion
from services.notifier.engine.directory import Channel, ChannelKind, Official, Role
from services.notifier.engine.ids import delivery_id
from services.notifier.engine.instants import to_ms, to_text
from services.notifier.files.snapshots import pack
from services.notifier.messages import samples
from services.notifier.messages.compose import Composer
from services.notifier.messages.message import Message
from shared.adapters.mongo import Mongo
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION
from shared.runtime import logging
from shared.runtime.clock import SystemClock
from shared.runtime.tasks import running

MESSAGES: Final = 10_000
CONNECTIONS: Final = 32
"""The default of the setting; replicas of the benchmark share them."""
REPLICAS: Final = (1, 2)
"""Two are as many as the machine has cores, and as a deployment has at least."""
ACCEPT_S: Final = 0.2
ALERTS: Final = 500
"""As many regencies: each alert is told to twenty officials."""
BARE_MESSAGES: Final = 2_000
"""Enough for a rate; it is put out for MESSAGES."""
_SENDER: Final = "Cakupan <cakupan@cakupan.local>"
_POLL_S: Final = 0.1
_RULES: Final = """
rules:
  - {id: benchmark, kind: threshold, title: {id: Cakupan di bawah 40%, en: Coverage below 40%}, levels: [regency],
     direction: below, measure: active, raise_below: 0.40, clear_at: 0.41, hears: [bupati]}
"""


@dataclass
class _Slow:
    """A mail server that takes 200 ms for each message."""

    ids: set[str] = field(default_factory=set)
    open: int = 0
    most: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a while, and keep the Message-ID."""
        await asyncio.sleep(ACCEPT_S)
        assert isinstance(envelope.content, bytes)
        head = envelope.content.partition(b"Message-ID: ")[2]
        self.ids.add(head.partition(b"\r\n")[0].decode())
        return "250 OK"


class _Counted(SMTP):
    """Counts connections."""

    def connection_made(self, transport: Any) -> None:
        """One more."""
        slow: _Slow = self.event_handler
        slow.open += 1
        slow.most = max(slow.most, slow.open)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """One less."""
        self.event_handler.open -= 1
        super().connection_lost(error)


def _serve(pipe: Connection) -> None:
    """Serve in a process of its own, so that the server takes nothing from the loop that is measured."""

    async def serve() -> None:
        slow = _Slow()
        server = await asyncio.get_running_loop().create_server(lambda: _Counted(slow), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while await asyncio.to_thread(pipe.recv):
            pipe.send((len(slow.ids), slow.most))
            slow.ids.clear()
            slow.most = slow.open

    asyncio.run(serve())


@dataclass(frozen=True, slots=True)
class _Found:
    """What some replicas took. `cpu_s`: of all of them together. `connections`: the most that were open at once."""

    took_s: float
    cpu_s: float
    connections: int


async def measure() -> Path:
    """Run the benchmark and return the file with its result."""
    busy = os.getloadavg()[0]
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    server.start()
    port = await asyncio.to_thread(here.recv)
    with tempfile.TemporaryDirectory(prefix="cakupan-bench-", ignore_cleanup_errors=True) as folder:
        mongod = Mongod(Path(folder) / "mongodb", Path(folder) / "mongod.log", free_ports(1)[0], 0.5)
        try:
            await mongod.start()
            found = {replicas: await _delivered_by(replicas, mongod.uri, port, here) for replicas in REPLICAS}
            bare_s = await _bare(port) * MESSAGES / BARE_MESSAGES
        finally:
            here.send(False)
            server.join()
            await mongod.stop()
    return _publish(busy, found, bare_s)


async def _delivered_by(replicas: int, uri: str, port: int, server: Connection) -> _Found:
    """Deliver all messages by so many replicas, which share the connections."""
    database = f"bench_{uuid.uuid4().hex[:8]}"
    mongo = Mongo(uri, database, "benchmark")
    await _fill(mongo)
    with ProcessPoolExecutor(replicas, multiprocessing.get_context("spawn")) as alone:
        loop, share = asyncio.get_running_loop(), CONNECTIONS // replicas
        took = await asyncio.gather(
            *(loop.run_in_executor(alone, _deliver_alone, uri, database, port, share) for _ in range(replicas))
        )
    sent = await mongo["deliveries"].count_documents({"state": "sent"})
    mongo.close()
    server.send(True)
    arrived, most = server.recv()
    if (sent, arrived) != (MESSAGES, MESSAGES):
        raise RuntimeError(f"of {MESSAGES} messages {sent} were sent and {arrived} arrived")
    return _Found(max(seconds for seconds, _ in took), sum(cpu for _, cpu in took), most)


def _publish(busy: float, found: dict[int, _Found], bare_s: float) -> Path:
    limit_s = MESSAGES * ACCEPT_S / CONNECTIONS
    settings = {
        "messages": MESSAGES, "alerts": ALERTS, "connections": CONNECTIONS, "server_takes_s": ACCEPT_S,
        "load_average_before": round(busy, 2),
    }  # fmt: skip
    measured = {
        f"{replicas} replicas": {
            "took_s": round(one.took_s, 1), "cpu_s": round(one.cpu_s, 1), "connections_at_most": one.connections,
            "ratio_to_limit": round(one.took_s / limit_s, 2), "ratio_to_bare": round(one.took_s / bare_s, 2),
        }
        for replicas, one in found.items()
    }  # fmt: skip
    table = Table("", "seconds", "× limit", title="deliveries")
    rows = {f"{replicas} replicas": one.took_s for replicas, one in found.items()}
    for what, seconds in (rows | {"bare senders": bare_s, "limit": limit_s}).items():
        table.add_row(what, f"{seconds:.1f}", f"{seconds / limit_s:.2f}")
    limits = {"limit_s": round(limit_s, 1), "bare_s": round(bare_s, 1)}
    return keep("deliveries", {"settings": settings, "limits": limits, "measured": measured}, table)


async def _fill(mongo: Mongo) -> None:
    """Write alerts, their regions and the waiting deliveries as the evaluator does."""
    await MongoDeliveries(mongo).prepare()
    await mongo["regions"].create_index("parent")
    await mongo["rules"].insert_one({"_id": 1, "text": _RULES})
    await mongo["evaluator"].insert_one({"_id": "evaluator", "rules": 1, "directory": 0})
    sample = samples.sample_alert("threshold")
    now, regions = SystemClock().now(), catalogue()
    everywhere = (regency for province in regions.children(NATION) for regency in regions.children(province))
    regencies = list(islice(everywhere, ALERTS))
    alerts, shots, deliveries = [], [], []
    for number, regency in enumerate(regencies):
        name = regions.name(regency) or regency
        raised_by = replace(sample.raised_by, region=regency, name=name, active=6_000 + number)
        key = AlertKey("benchmark", regency, 1)
        shots.append({"_id": regency, "parent": regency[:2], "snapshot": pack(raised_by)})
        below = (replace(each, region=f"{regency}.{at:02d}", parent=regency) for at, each in enumerate(sample.below, 1))
        shots += [{"_id": each.region, "parent": regency, "snapshot": pack(each)} for each in below]
        alerts.append(
            {
                "_id": key.id, "rule": "benchmark", "rules_version": 1, "region": regency, "episode": 1,
                "raised_at": now, "ended_at": None, "end_reason": None, "because_potential": False,
                "acknowledged": None, "raised_by": pack(raised_by), "next_at": None,
            }
        )  # fmt: skip
        deliveries += [_delivery(key, to_ms(now), at) for at in range(MESSAGES // ALERTS)]
    await mongo["alerts"].insert_many(alerts)
    await mongo["regions"].insert_many(shots)
    await mongo["deliveries"].insert_many([delivery_document(each) for each in deliveries])


def _delivery(key: AlertKey, now: int, number: int) -> Delivery:
    """Return the delivery to one of the officials of an alert."""
    address = f"{key.region}-{number}@example.id"
    official = Official(address, f"Pejabat {number}", Role.BUPATI, key.region, (Channel("email", address),))
    id_ = delivery_id(official.id, f"email:{address}", Occasion.RAISED, to_text(now), [key.id])
    return new_delivery(decisions.Message(now, official.id, f"email:{address}", Occasion.RAISED, (key,), id_), official)


def _deliver_alone(uri: str, database: str, port: int, connections: int) -> tuple[float, float]:
    """Deliver in a process of its own, on the loop that services run on."""
    logging.configure("benchmark", "WARNING")
    return uvloop.run(_deliver(Mongo(uri, database, "benchmark"), port, connections))


async def _deliver(mongo: Mongo, port: int, connections: int) -> tuple[float, float]:
    """Return the seconds, and the seconds of this process's CPU, until nothing waits."""
    store, clock = MongoDeliveries(mongo), SystemClock()
    channel = SmtpChannel(MailServer("127.0.0.1", port, "none"), _SENDER)
    facts = FactsReader(mongo, "https://example.id", lambda *_: "https://example.id/ack/x", timedelta(days=7))
    policy = Policy(timedelta(seconds=30), timedelta(hours=1), timedelta(days=1))
    lanes: dict[ChannelKind, Lane] = {"email": Lane("email", channel, connections)}
    deliverer = Deliverer(
        store, facts, Composer().compose, lanes, uuid.uuid4().hex, policy, clock, DeliveryMetrics(CollectorRegistry())
    )  # fmt: skip
    began, cpu = perf_counter(), process_time()
    async with running(deliverer.run()):
        while await mongo["deliveries"].count_documents({"state": "waiting"}, limit=1):  # noqa: ASYNC110 - no event
            await asyncio.sleep(_POLL_S)
    took = perf_counter() - began, process_time() - cpu
    channel.close()
    mongo.close()
    return took


async def _bare(port: int) -> float:
    """Return the seconds of as many bare senders."""
    message: Message = Composer().compose(next(iter(samples.sample_facts())))
    key = AlertKey("benchmark", "11.01", 1)
    mail = assemble(_delivery(key, 0, 0), message, _SENDER, "mailto:stop@example.id")

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in range(BARE_MESSAGES // CONNECTIONS):
                await client.sendmail("cakupan@cakupan.local", ["somebody@example.id"], mail)

    began = perf_counter()
    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return perf_counter() - began
