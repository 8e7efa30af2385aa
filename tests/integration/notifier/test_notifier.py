"""Notifier on real Kafka, MongoDB and SMTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notifier.app import build
from services.notifier.settings import NotifierSettings
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer, Record, partition_for
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.runtime.clock import Clock, SystemClock
from tests.factories_notifier import aceh_at_40, snapshot
from tests.fakes import ManualClock
from tests.fuzzing import findings
from tests.serving import OPERATORS, listening, served
from tests.tokens import AUDIENCE, ISSUER, Issuer
from tests.waiting import eventually

LOCAL = Path(__file__).parents[3] / "deploy" / "local" / "notifier"
GOVERNOR = "gubernur.aceh@example.id"


@dataclass
class Post:
    """A mail server that keeps what it takes; `recipient_answers` and `message_answers` come first."""

    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipient_answers: list[str] = field(default_factory=list)
    message_answers: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse while answers are left."""
        if self.recipient_answers:
            return self.recipient_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Refuse while answers are left, then keep."""
        if self.message_answers:
            return self.message_answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert envelope.rcpt_tos == [mail["To"]]
        self.raw.append(envelope.content)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
async def post() -> AsyncIterator[tuple[Post, int]]:
    """A mail server and its port."""
    kept = Post()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(kept), "127.0.0.1", 0)
    yield kept, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@dataclass
class World:
    """A notifier's surroundings; `run` serves one, again and again if need be."""

    settings: NotifierSettings
    post: Post
    token: str
    producer: Producer
    topic: str

    @asynccontextmanager
    async def run(self, clock: Clock | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Serve a notifier, by the machine's clock if none is given."""
        async with served(build(self.settings, clock=clock)) as http:
            http.headers["authorization"] = f"Bearer {self.token}"
            yield http

    async def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Publish snapshots as coverage does."""
        await self.put([(shot.region.encode(), msgspec.json.encode(shot)) for shot in snapshots])

    async def put(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Publish records, each in the partition of its key."""
        for key, value in records:
            partition = partition_for(key.decode("utf-8", "replace"), topics.PARTITIONS)
            await self.producer.publish(self.topic, [Record(partition, key, value)])


@pytest.fixture
async def world(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path, post: tuple[Post, int]
) -> AsyncIterator[World]:
    """Topics, a database and a mail server of this test's own; the rules of the local stack."""
    issuer = Issuer(SystemClock())
    settings = NotifierSettings(
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace=namespace,
        jwks=await issuer.write_keys(tmp_path / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
        instance="notifier-0",
        smtp_port=post[1],
        rules=LOCAL / "rules.yaml",
        officials=LOCAL / "officials.yaml",
        retry_first_s=0.05,
    )
    snapshots, dead = (topic.under(namespace) for topic in (topics.SNAPSHOTS, topics.SNAPSHOTS_DEAD))
    await ensure_topics(settings.kafka, [snapshots, dead])
    producer = Producer(settings.kafka, "test")
    yield World(settings, post[0], issuer.token(scope="coverage:read notifier:admin"), producer, snapshots.name)
    await producer.stop()


async def metric(http: httpx.AsyncClient, name: str) -> float:
    """Return the value of a metric, 0 if there is none."""
    lines = (await http.get(f"http://{OPERATORS}/metrics")).text.splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)


async def counted(http: httpx.AsyncClient, at_least: float, name: str) -> None:
    """Return once the metric has this value or a higher one."""

    async def probe() -> bool:
        return await metric(http, name) >= at_least

    await eventually(probe)


def records(outcome: str) -> str:
    """Return the name of the metric of records with this outcome."""
    return f'notifier_records_total{{outcome="{outcome}"}}'


def attempts(outcome: str) -> str:
    """Return the name of the metric of attempts with this outcome."""
    return f'notifier_deliveries_total{{channel="email",outcome="{outcome}"}}'


async def delivered(http: httpx.AsyncClient, **expected: Any) -> dict[str, Any]:
    """Return the only delivery once it has the expected values."""

    async def probe() -> dict[str, Any]:
        items = (await http.get("/v1/deliveries")).json()["items"]
        assert len(items) == 1
        (item,) = items
        assert {name: item["delivery"][name] for name in expected} == expected
        return dict(item)

    return await eventually(probe)


async def test_a_crossing_brings_the_governor_exactly_one_mail(world: World) -> None:
    """However often its snapshots come, and after a restart. The mail names the figures and the regencies."""
    crossing, children = aceh_at_40()
    async with world.run() as http:
        await world.publish([snapshot(6_517, 6_517), *children, crossing])
        await delivered(http, state="sent", tries=0)
        await world.publish([crossing, *children])
        await counted(http, 8, records("stale"))
    async with world.run() as http:
        await world.publish([crossing, snapshot(6_900, 6_900)])
        await counted(http, 1, records("stale"))
        await counted(http, 1, records("taken"))
        assert len((await http.get("/v1/alerts")).json()["items"]) == 1
        assert (await http.get("/health/ready")).status_code == 200
    (mail,) = world.post.mails
    assert (mail["To"], mail["Auto-Submitted"]) == (GOVERNOR, "auto-generated")
    assert mail["Subject"] == "Aceh: cakupan pekerja aktif mencapai 40% (6.844 dari 17.109 = 40,00%)"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    for part in ("6.844 dari 17.109 pekerja potensial = 40,00%", "10.265", "1.711", "Kabupaten Aceh Besar: +120"):
        assert part in text
    assert f"{mail['X-Cakupan-Alert']}" in text


async def test_a_mail_server_that_is_busy_gets_the_same_mail_later(world: World) -> None:
    """4xx for the recipient and for the message, then accepted; the attempts are counted."""
    world.post.recipient_answers = ["451 4.3.0 later"]
    world.post.message_answers = ["452 4.2.2 full", "421 4.3.2 closing"]
    async with world.run() as http:
        await world.publish([*aceh_at_40()[1], aceh_at_40()[0]])
        sent = await delivered(http, state="sent")
        # The store records that it was sent first, the metrics count it a moment later.
        await counted(http, 1, "notifier_counted_to_delivered_seconds_count")
        assert (await metric(http, attempts("failed")), await metric(http, attempts("sent"))) == (3, 1)
    assert (sent["delivery"]["tries"], sent["reason"]) == (3, None)
    assert len(world.post.mails) == 1


@pytest.mark.parametrize("which", ["recipient_answers", "message_answers"])
async def test_a_mail_server_that_refuses_for_good_is_not_asked_again(world: World, which: str) -> None:
    """After a 5xx the delivery is dead, with the server's words; the notifier stays ready."""
    setattr(world.post, which, ["550 5.1.1 no such user"])
    async with world.run() as http:
        await world.publish([*aceh_at_40()[1], aceh_at_40()[0]])
        dead = await delivered(http, state="dead", tries=1, next_try_at=None)
        assert (await http.get("/health/ready")).status_code == 200
    assert "550 5.1.1 no such user" in dead["reason"]
    assert world.post.mails == []


async def test_without_a_mail_server_the_notifier_stays_ready(world: World) -> None:
    """The delivery waits, a metric shows it, and the mail goes out once the server is there."""
    port, world.settings.smtp_port = world.settings.smtp_port, 1
    async with world.run() as http:
        await world.publish([*aceh_at_40()[1], aceh_at_40()[0]])
        await counted(http, 1, attempts("failed"))
        assert await metric(http, 'notifier_channel_works{channel="email"}') == 0
        assert (await http.get("/health/ready")).status_code == 200
    world.settings.smtp_port = port
    async with world.run() as http:
        await delivered(http, state="sent")
    assert len(world.post.mails) == 1


async def test_unusable_records_are_set_aside_and_the_reader_goes_on(world: World) -> None:
    """Garbage, null, wrong schema and foreign records are dead letters, a tombstone is not; the mail still comes."""
    crossing, children = aceh_at_40()
    await world.put(
        [
            (b"11", b"\x00\xffgarbage"),
            (b"11", None),
            (b"nonsense", None),
            (b"11", b'{"order":12,"nik":"1101014101900001"}'),
            (b"11", msgspec.json.encode(msgspec.to_builtins(crossing) | {"region": "99"})),
        ]
    )
    async with world.run() as http:
        await world.publish([*children, crossing])
        await delivered(http, state="sent")
        assert await metric(http, records("dead")) == 4
    letters = await dead_letters(world, 4)
    assert sorted(reason for reason, _ in letters) == ["not_json", "null_value", "unknown_region", "wrong_schema"]
    assert not any(b"1101014101900001" in value for _, value in letters)


async def dead_letters(world: World, count: int) -> list[tuple[str, bytes]]:
    """Return reason and value of the first dead letters."""
    consumer = AIOKafkaConsumer(
        topics.SNAPSHOTS_DEAD.under(world.settings.namespace).name,
        bootstrap_servers=world.settings.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            records = [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()
    return [(dict(record.headers)["reason"].decode(), record.value) for record in records]


async def test_a_hold_time_ends_by_the_clock_alone(world: World, tmp_path: Path) -> None:
    """After one snapshot over the level the rule is pending; the mail comes after the hold time and a restart."""
    world.settings.rules = tmp_path / "rules.yaml"
    world.settings.rules.write_text((LOCAL / "rules.yaml").read_text().replace("hold_for: 0s", "hold_for: 2s"))
    clock = ManualClock(SystemClock().now())
    crossing, children = aceh_at_40()
    async with world.run(clock) as http:
        await world.publish([*children, snapshot(6_844, at=clock.now())])
        await counted(http, 1, 'notifier_alerts{rule="active-40",state="pending"}')
        assert (await http.get("/v1/alerts")).json()["items"] == []
    clock.advance(timedelta(seconds=2))
    async with world.run(clock) as http:
        sent = await delivered(http, state="sent")
        report = (await http.get(f"/v1/alerts/{sent['delivery']['alert']}")).json()
    steps = [(step["before"], step["after"], step["reason"]) for step in report["decisions"]]
    assert steps == [("ok", "pending", "hold_started"), ("pending", "firing", "raised")]
    assert crossing.active == report["alert"]["numerator"]


async def test_the_api_shows_alerts_deliveries_and_rules(world: World) -> None:
    """Alerts of the region and below, history, deliveries and rules; problems name what is wrong."""
    crossing, children = aceh_at_40()
    async with world.run() as http:
        await world.publish([*children, crossing])
        await delivered(http, state="sent")
        (alert,) = (await http.get("/v1/alerts", params={"region": "ID", "state": "firing"})).json()["items"]
        assert (alert["region"], alert["numerator"], alert["denominator"]) == ("11", 6_844, 17_109)
        for elsewhere in ({"region": "12"}, {"state": "cleared"}, {"region": "11.01"}):
            assert (await http.get("/v1/alerts", params=elsewhere)).json() == {"items": [], "next": None}
        assert (await http.get("/v1/alerts?region=91.01")).json() == {"items": [], "next": None}
        for path in ("/v1/alerts", f"/v1/alerts/{alert['id']}", "/v1/deliveries", "/v1/rules"):
            head, get = await http.head(path), await http.get(path)
            assert (head.status_code, head.headers, head.content) == (200, get.headers, b"")
        report = (await http.get(f"/v1/alerts/{alert['id']}")).json()
        assert [step["reason"] for step in report["decisions"]] == ["raised"]
        assert [each["official"] for each in report["deliveries"]] == ["gubernur-aceh"]
        (rule,) = (await http.get("/v1/rules")).json()["items"]
        assert (rule["id"], rule["raise_level"], rule["hears"]) == ("active-40", "0.4", ["gubernur"])
        for path, status, code in (
            ("/v1/alerts?region=99", 404, "unknown_region"),
            ("/v1/alerts/none", 404, "unknown_alert"),
        ):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
        assert "coverage.updated.v1" in (await http.get("/asyncapi.json")).text
        assert (await http.get("/openapi.json")).status_code == 200


async def test_callers_without_the_scope_are_refused(world: World, tmp_path: Path) -> None:
    """401 without a token, 403 without the scope."""
    issuer = Issuer(SystemClock())
    world.settings.jwks = await issuer.write_keys(tmp_path / "other.json")
    world.token = issuer.token(scope="coverage:read")
    async with world.run() as http:
        answers = [await http.get(path) for path in ("/v1/alerts", "/v1/rules", "/v1/deliveries")]
        assert [answer.status_code for answer in answers] == [200, 200, 403]
        del http.headers["authorization"]
        answers = [await http.get(path) for path in ("/v1/alerts", "/v1/rules", "/v1/deliveries", "/v1/alerts/x")]
        assert [answer.status_code for answer in answers] == [401] * 4


@pytest.mark.parametrize("has_token", [True, False])
async def test_schemathesis_finds_nothing(world: World, tmp_path: Path, has_token: bool) -> None:
    """Requests generated from the OpenAPI document get the answers that it promises, with a token and without."""
    async with listening(build(world.settings)) as url:
        found = await findings(url, world.token if has_token else None, tmp_path)
        assert found is None, found
