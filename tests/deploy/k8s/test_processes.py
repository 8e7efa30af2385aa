"""The processes as the manifests would run them: commands, settings, files, logins, rights, probes, an end.

Kafka and MongoDB are real, ask for logins over TLS, and allow what the manifests' users may do and nothing else.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.local.ports import free_ports
from deploy.local.process import Child, together
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from tests.deploy.k8s.manifests import Manifests, containers, secrets_of
from tests.deploy.k8s.policies import SETTINGS
from tests.deploy.k8s.servers import PASSWORD, SecureServers, secure_servers
from tests.factories_registry import VILLAGE, raw
from tests.tokens import ISSUER, Issuer
from tests.waiting import eventually

_READ_ONLY: Final = """
mount --make-rprivate / && mount --bind / / && mount -o remount,ro,bind / && cd / && ! touch . 2> /dev/null &&
exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""
"""Runs a command as the pod's security context does: it can write nowhere on this file system and has no capability."""


@cache
def confinement() -> tuple[str, ...]:
    """Return the words before a command that confine it; none where this machine does not let us (it needs root)."""
    words = ("unshare", "--mount", "bash", "-c", _READ_ONLY, "confined")
    possible = shutil.which("unshare") and shutil.which("setpriv")
    return (
        words if possible and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else ()
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """The running services; each has a port for its API and one for operators."""

    servers: SecureServers
    issuer: Issuer
    folder: Path
    ports: dict[str, list[int]]
    running: dict[str, Child]

    def child(self, kind: str, name: str) -> Child:
        """Return the process of a workload, not yet started."""
        workload = Manifests.of_overlay("production").named(kind, name)
        (container,) = containers(workload)
        program, *arguments = container["command"]
        if "--copies" in arguments:
            arguments[-1] = "1"  # This Kafka has one broker.
        command = [*confinement(), str(Path(sys.executable).parent / program), *arguments]
        return Child(name, command, self.folder / f"{name}.log", self._environment(workload, name))

    def _environment(self, workload: dict[str, Any], name: str) -> dict[str, str]:
        """Return the pod's variables; addresses and paths are those of this machine."""
        manifests, (container,) = Manifests.of_overlay("production"), containers(workload)
        service = container["command"][0].removeprefix("cakupan-")
        given: dict[str, str] = {}
        for source in container["envFrom"]:
            given |= manifests.named("ConfigMap", source["configMapRef"]["name"])["data"]
        given |= {one["name"]: one["value"] for one in container["env"] if "value" in one}
        mounts = {one["mountPath"]: self.folder / name / one["name"] for one in container["volumeMounts"]}
        there = "|".join(mounts)
        given = {key: re.sub(f"^({there})(?=/)", lambda at: str(mounts[at[0]]), value) for key, value in given.items()}
        self._fill(self.folder / name, workload, name)
        port, operators = self.ports[service]
        return given | {
            "CAKUPAN_INSTANCE": f"{name}-0",
            "CAKUPAN_HOST": "127.0.0.1",
            "CAKUPAN_OPERATORS_HOST": "127.0.0.1",
            "CAKUPAN_KAFKA_BOOTSTRAP": self.servers.kafka,
            "CAKUPAN_JWKS": str(self.folder / "jwks.json"),
            "CAKUPAN_TOKEN_ISSUER": ISSUER,
            f"{service.upper()}_PORT": str(port),
            f"{service.upper()}_OPERATORS_PORT": str(operators),
        }

    def _fill(self, folder: Path, workload: dict[str, Any], name: str) -> None:
        """Write the files that the pod gets from secrets, and the rules."""
        user = name.removesuffix("-prepare")
        ca = (self.folder / "ca.pem").read_text()
        trust = f"tls=true&tlsCAFile={folder}/secrets/mongodb/ca.crt"
        contents = {
            "kafka/password": PASSWORD,
            "kafka/ca.crt": ca,
            "mongodb/ca.crt": ca,
            "mongodb/uri": f"mongodb://{user}:{PASSWORD}@{self.servers.mongodb}/admin?directConnection=true&{trust}",
            "identity.key": "ab" * 32,
            "ack-links.key": "cd" * 32,
            "webhook.keys": "ef" * 32,
            "smtp-password": PASSWORD,
        }
        rules = Manifests.of_overlay("production").named("ConfigMap", "notifier-rules")["data"]["rules.yaml"]
        files = {f"secrets/{path}": contents[path] for _, path in secrets_of(workload)} | {"rules/rules.yaml": rules}
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)

    async def asked(self, service: str, path: str, *, operators: bool = True) -> int:
        """Return the status of an answer; 0 where nobody answers yet."""
        async with httpx.AsyncClient(timeout=30) as http:
            try:
                return (await http.get(f"http://127.0.0.1:{self.ports[service][operators]}{path}")).status_code
            except httpx.HTTPError:
                return 0

    async def until(self, path: str) -> None:
        """Return once every service answers 200."""

        async def all_well() -> bool:
            return all([await self.asked(service, path) == 200 for service in self.running])

        await eventually(all_well, within_s=180)

    def login(self, user: str) -> dict[str, Any]:
        """Return the options of a Kafka client that logs in as the user."""
        own = self.child("StatefulSet", user)._environment
        values = {f.validation_alias: name for name, f in SETTINGS[user].model_fields.items()}
        named = {values[key]: value for key, value in own.items() if key in values and key.startswith("CAKUPAN_KAFKA")}
        return SETTINGS[user].model_validate(named).kafka.client_options()


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """The jobs have run, and the three services serve."""
    folder, issuer = tmp_path_factory.mktemp("cluster"), Issuer(SystemClock())
    await issuer.write_keys(folder / "jwks.json")
    async with secure_servers(folder, Manifests.of_overlay("production")) as servers:
        ports = {service: free_ports(2) for service in SETTINGS}
        cluster = Cluster(servers, issuer, folder, ports, {})
        try:
            jobs = ("topics", "registry-prepare", "coverage-prepare", "notifier-prepare")
            await together(*(cluster.child("Job", job).run() for job in jobs))
            for service in SETTINGS:
                cluster.running[service] = cluster.child("StatefulSet", service)
                await cluster.running[service].start()
            await cluster.until("/health/serving")
            yield cluster
        finally:
            for child in cluster.running.values():
                await child.stop()


async def test_a_fact_is_counted_and_every_reader_is_well(cluster: Cluster) -> None:
    """The rights are enough: readiness has every check, also that each reader has its partitions."""
    await cluster.until("/health/ready")
    assert await cluster.asked("registry", "/health/live") == 200
    token = {"Authorization": f"Bearer {cluster.issuer.token(role='operator', region='ID')}"}
    async with httpx.AsyncClient(headers=token, timeout=30) as http:
        registry, coverage = (f"http://127.0.0.1:{cluster.ports[name][0]}" for name in ("registry", "coverage"))
        sent = await http.post(f"{registry}/v1/facts", content=raw(), headers={"Content-Type": "application/json"})
        assert sent.status_code == 202

        async def counted() -> bool:
            return bool((await http.get(f"{coverage}/v1/regions/{VILLAGE}")).json().get("registered") == 1)

        await eventually(counted, within_s=30)


async def test_refusals_and_dead_letters_are_written(cluster: Cluster) -> None:
    """What no service can read lands on the topic beside, which its reader may write to."""
    producer = AIOKafkaProducer(bootstrap_servers=cluster.servers.plain)
    await producer.start()
    try:
        for topic in (topics.FACTS, topics.CHANGES, topics.SNAPSHOTS):
            await producer.send_and_wait(topic.name, b"no record of ours", b"key", partition=11)
    finally:
        await producer.stop()
    for topic in (topics.FACTS_REJECTED, topics.CHANGES_DEAD, topics.SNAPSHOTS_DEAD):
        async with _consumer(topic.name, bootstrap_servers=cluster.servers.plain) as consumer:
            async with asyncio.timeout(30):
                await consumer.getone()


async def test_nobody_may_more_than_its_work_needs(cluster: Cluster) -> None:
    """Facts hold identities: the notifier's login reads none, and coverage's user sees nobody."""
    async with _consumer(topics.CHANGES.name, **cluster.login("coverage")) as consumer:
        assert await consumer.getone()
    with pytest.raises(TopicAuthorizationFailedError):
        async with _consumer(topics.FACTS.name, **cluster.login("notifier")) as consumer:
            await consumer.getone()
    uri = (cluster.folder / "coverage" / "secrets" / "mongodb" / "uri").read_text()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    try:
        assert await client["cakupan_coverage"]["checkpoints"].find_one()
        with pytest.raises(OperationFailure, match="not authorized"):
            await client["cakupan_registry"]["participants"].find_one()
    finally:
        await client.close()


async def test_each_ends_by_itself_when_it_is_told_to(cluster: Cluster) -> None:
    """SIGTERM suffices: nobody waits for the grace to run out."""
    for child in cluster.running.values():
        process = child._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
    for name, child in cluster.running.items():
        assert child._process is not None
        async with asyncio.timeout(60):
            assert await child._process.wait() in (0, -signal.SIGTERM), name
        child._asked_to_end = True


@asynccontextmanager
async def _consumer(topic: str, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer without a group, from the topic's beginning."""
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **options)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
