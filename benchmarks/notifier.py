"""The notifier with 50 rules: how soon a message is with the mail server, and how long all villages take.

- message: snapshots are written at a fixed rate, open loop; every tenth crosses a line. Latency is taken from the
  instant at which the snapshot was due to be written until the mailbox wrote its .eml file. Beside it a bare loop, that
  reads the topic and sends one ready mail for each of the same snapshots.
- restart: the notifier is stopped, a snapshot of every village is written, it starts with its rules in force. Time runs
  from the start of the process until all are decided. 1 % of the villages cross lines, and an official is told of one
  of them; while it decides it also writes and sends these messages. Beside it a loop that reads and decodes the same
  records. It has a stack of its own: with villages that the first part left behind, more than twice as many messages
  would be written.

Client, notifier, mailbox, Kafka and MongoDB share this machine.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter, time
from typing import Any, Final

import aiosmtplib
import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from rich.table import Table

from benchmarks.load import open_loop
from benchmarks.report import Spread, keep
from benchmarks.stack import notifier_with, started_stack
from deploy.local.settings import StackConfig
from deploy.local.stack import LocalStack, Part
from services.notifier.engine.ids import alert_id
from services.notifier.messages.samples import sample_alert
from shared.adapters.kafka_producer import Producer, Record, partition_for
from shared.contracts import topics
from shared.contracts.snapshots import Count, Potential, Snapshot
from shared.regions.catalogue import catalogue
from shared.regions.codes import level_of, parent_of, zone_name

PER_SECOND: Final = 200
SECONDS: Final = 20
CROSSES: Final = 10
"""Of so many snapshots one crosses."""
_POTENTIAL: Final = 1_000
_LINE: Final = "crossing"
_SETTLE_S: Final = 20.0
"""Messages that are still under way at the end get this long."""
_AT_ONCE: Final = 1_000
_LOOK_EVERY_S: Final = 0.25
"""Each look at the metrics takes 8 ms of the loop that is measured: at 50 ms this was a sixth of it."""


def _rules() -> dict[str, Any]:
    """Return 50 rules of several kinds, all watching every village; of them one is raised in this benchmark."""
    common: dict[str, Any] = {
        "title": {"id": "tolok ukur", "en": "benchmark"}, "levels": ["village"], "hears": ["kemenko_pmk"],
        "group_wait": "0s", "severity": "critical", "first_sight": "quiet",
    }  # fmt: skip
    kinds: list[dict[str, Any]] = [
        {"kind": "threshold", "measure": "active", "direction": "below", "raise_below": "0.01", "clear_at": "0.02"},
        {"kind": "people", "measure": "active", "direction": "above", "raise_at": "900000", "clear_below": "900000"},
        {"kind": "fall", "measure": "active", "window": "30d", "raise_at": "0.90", "clear_below": "0.80"},
        {"kind": "lapse_ahead", "window": "30d", "unit": "people", "raise_at": "900000", "clear_below": "900000"},
        {"kind": "quota", "group": "vulnerable", "count": "gap", "raise_at": "900000", "clear_below": "900000"},
    ]
    made = [{"id": f"rule-{n}", **common, **kinds[n % len(kinds)]} for n in range(49)]
    line = {**kinds[0], "raise_below": "0.40", "clear_at": "0.45", "first_sight": "tell"}
    return {"rules": [{"id": _LINE, **common, **line}, *made]}


def _services(config: StackConfig) -> Sequence[Part]:
    return [notifier_with(config, _rules())]


async def measure() -> Path:
    """Run both parts and return the file with the result."""
    busy = os.getloadavg()[0]
    async with started_stack(_services) as stack:
        told, bare = await _messages(stack)
    async with started_stack(_services) as stack:
        restart = await _restart(stack)
    settings = {
        "rules": 50, "snapshots_per_second": PER_SECOND, "seconds": SECONDS, "load_average_before": round(busy, 2),
    }  # fmt: skip
    ratio = round(told.p99_ms / bare.p99_ms, 1)
    found = {"message": {"told": asdict(told), "bare": asdict(bare), "ratio_p99": ratio}, "restart": restart}
    table = Table("", "measured", "limit", "×", title="notifier")
    table.add_row("snapshot → mail server, p99 ms", f"{told.p99_ms:.0f}", f"{bare.p99_ms:.0f}", f"{ratio}")
    took, limit = restart["seconds"], restart["decoding_s"]
    table.add_row("all villages, s", f"{took}", f"{limit}", f"{took / limit:.1f}")
    table.add_row("messages sent meanwhile", f"{restart['messages']}", "", "")
    table.add_row("peak memory, MB", f"{restart['peak_mb']}", f"{restart['peak_before_mb']}", "")
    return keep("notifier", {"settings": settings, "measured": found}, table)


# Messages.


async def _messages(stack: LocalStack) -> tuple[Spread, Spread]:
    """Return how long messages took through the notifier, then through a bare loop."""
    villages = list(islice(_villages(), 2 * PER_SECOND * SECONDS))
    half = len(villages) // 2
    told = await _play(stack, villages[:half])
    async with _bare_loop(stack.config):
        bare = await _play(stack, villages[half:], header="X-Bare")
    return told, bare


async def _play(stack: LocalStack, villages: list[str], header: str = "X-Cakupan-Alerts") -> Spread:
    """Write a snapshot of each village at its time; return how long the messages of those that cross took."""
    due: dict[str, float] = {}
    producer = Producer(stack.config.kafka, "benchmark")
    topic = topics.SNAPSHOTS.under(stack.config.namespace).name
    bare = header == "X-Bare"

    async def write(number: int, at: float) -> None:
        village = villages[number]
        if number % CROSSES == 0:
            due[village if bare else alert_id(_LINE, village, 1)] = at
        share = 0.30 if number % CROSSES == 0 else 0.60
        await producer.publish(topic, [_record(village, share, catching_up=bare)])

    await open_loop(len(villages), PER_SECOND, write)
    ends = time() + _SETTLE_S
    mailbox = stack.config.home.mailbox
    while len(arrived := _arrived(mailbox, header, due)) < len(due) and time() < ends:  # noqa: ASYNC110
        await asyncio.sleep(1)
    await producer.stop()
    assert len(arrived) == len(due), f"{len(due) - len(arrived)} messages are missing"
    return Spread.of([arrived[id_] - at for id_, at in due.items()])


def _arrived(mailbox: Path, header: str, wanted: dict[str, float]) -> dict[str, float]:
    """Return when the mailbox wrote the message of each of these."""
    files = [(file, str(message_from_bytes(file.read_bytes())[header])) for file in mailbox.glob("*.eml")]
    return {id_: file.stat().st_mtime for file, id_ in files if id_ in wanted}


@asynccontextmanager
async def _bare_loop(config: StackConfig) -> AsyncIterator[None]:
    """Read the topic and send a ready mail for each snapshot that crosses; the notifier tells nobody of these."""
    consumer = await _consumer(config)
    await consumer.seek_to_end()

    async def send(client: aiosmtplib.SMTP, village: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["X-Bare"] = "bare@cakupan.local", "benchmark@cakupan.local", village
        mail.set_content("x" * 4_000)
        await client.send_message(mail)

    async def loop() -> None:
        async with aiosmtplib.SMTP(hostname=config.host, port=config.ports["smtp"]) as client:
            while True:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    for record in records:
                        snapshot = msgspec.json.decode(record.value, type=Snapshot)
                        if snapshot.active < 0.40 * _POTENTIAL:
                            await send(client, snapshot.region)

    reading = asyncio.create_task(loop())
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()


# A restart.


async def _restart(stack: LocalStack) -> dict[str, Any]:
    """Return how long the notifier takes for all villages after a restart, and how much memory."""
    config, before = stack.config, _peak_mb(stack.pid("notifier"))
    await stack.kill("notifier")
    first = await _end(config)
    villages = list(_villages())
    producer = Producer(config.kafka, "benchmark")
    topic = topics.SNAPSHOTS.under(config.namespace).name
    for start in range(0, len(villages), _AT_ONCE):
        portion = villages[start : start + _AT_ONCE]
        await producer.publish(
            topic, [_record(each, 0.005 if n % 100 == 0 else 0.60, 2) for n, each in enumerate(portion)]
        )
    await producer.stop()
    last = time()
    began = perf_counter()
    await stack.restart("notifier")
    async with httpx.AsyncClient() as http:
        while await _decided_until(http, config) < last:  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(_LOOK_EVERY_S)
    took, messages = perf_counter() - began, len(list(config.home.mailbox.glob("*.eml")))
    return {
        "villages": len(villages), "seconds": round(took, 1), "messages": messages,
        "peak_mb": _peak_mb(stack.pid("notifier")), "peak_before_mb": before,
        "decoding_s": round(await _decoding(config, first), 1),
    }  # fmt: skip


async def _decided_until(http: httpx.AsyncClient, config: StackConfig) -> float:
    text = (await http.get(f"{config.operators_url('notifier')}/metrics", timeout=30)).text
    found = re.search(r"^notifier_decided_until_timestamp_seconds (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def _decoding(config: StackConfig, first: dict[TopicPartition, int]) -> float:
    """Return the seconds that reading and decoding alone take from these offsets on."""
    consumer, ends, decoder = await _consumer(config), await _end(config), msgspec.json.Decoder(Snapshot)
    for at, offset in first.items():
        consumer.seek(at, offset)
    began, missing = perf_counter(), sum(ends.values()) - sum(first.values())
    while missing > 0:
        found: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(timeout_ms=200)
        for records in found.values():
            for record in records:
                decoder.decode(record.value)
            missing -= len(records)
    took = perf_counter() - began
    await consumer.stop()
    return took


async def _consumer(config: StackConfig) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(**config.kafka.client_options(), enable_auto_commit=False)
    await consumer.start()
    topic = topics.SNAPSHOTS.under(config.namespace).name
    consumer.assign([TopicPartition(topic, partition) for partition in range(topics.PARTITIONS)])
    return consumer


async def _end(config: StackConfig) -> dict[TopicPartition, int]:
    consumer = await _consumer(config)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
    await consumer.stop()
    return ends


def _peak_mb(pid: int | None) -> int:
    """Return the most memory that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None, "Linux tells"
    return int(found[1]) // 1_000


def _villages() -> Iterator[str]:
    """Yield the codes of all villages."""
    below = partial(map, catalogue().children)
    for provinces in below(["ID"]):
        for regencies in below(provinces):
            for districts in below(regencies):
                for villages in below(districts):
                    yield from villages


_SAMPLE: Final = sample_alert("threshold").raised_by
"""A whole snapshot, with every part that coverage gives."""
_FLOWS: Final = {window: dict.fromkeys(kinds, Count(2, 1)) for window, kinds in _SAMPLE.flows.items()}
"""As few as a village has."""


def _record(village: str, share: float, position: int = 1, *, catching_up: bool = False) -> Record:
    """Return the record of a village's snapshot with such a share of active workers."""
    now = datetime.now(UTC)
    shot = replace(
        _SAMPLE, region=village, name=catalogue().name(village) or village, level=level_of(village),
        parent=parent_of(village), time_zone=zone_name(village), registered=_POTENTIAL, active=int(share * _POTENTIAL),
        potential={"workers": Potential(_POTENTIAL, "BPS Sakernas", (now - timedelta(days=30)).date(), 1)},
        as_of=now, recorded_at=now, position=position, catching_up=catching_up, flows=_FLOWS,
    )  # fmt: skip
    return Record(partition_for(village, topics.PARTITIONS), village.encode(), msgspec.json.encode(shot))
