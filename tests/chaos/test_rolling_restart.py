"""A second registry, coverage and notifier join the first, behind one address each; then all restart, one by one.

All of it under load, and as the manifests have it: the ingress forgets the pod, preStop, SIGTERM, the grace, a start;
the next pod after that. It takes minutes, for the manifests' preStop and minReadySeconds: `make chaos` alone runs it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
import pytest

from deploy.local.process import Child, together
from deploy.local.sample.people import invented_nik
from deploy.local.settings import ANY_PORTS, SERVICES, StackSettings
from deploy.local.stack import LocalStack
from shared.contracts.topics import CHANGES
from shared.regions.catalogue import catalogue
from tests.chaos.judge import applied
from tests.chaos.pods import Pod, Proxy, needs_nginx, running
from tests.deploy.k8s.manifests import Manifests, pod_of
from tests.e2e.severing import Line
from tests.e2e.world import World, enrolled
from tests.reached import address_of, alerts, put_potentials, services_with_the_rule
from tests.topic_records import read_topic
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(
    "CAKUPAN_CHAOS_FACTS" not in os.environ, reason="it takes minutes: `make chaos` runs it"
)

SENDERS: Final = 6
ROUNDS: Final = 3
"""How often each pod is restarted."""
FRESH_WITHIN_S: Final = 10.0
"""The objective that README states."""
REGENCIES: Final = catalogue().children("35")
BORN: Final = date(1990, 1, 1)
POTENTIAL, IN_A_ROW = 50, 25
"""So many people in a row enrol in one regency, which takes it over 40 %; then come the next regency's."""


class Load:
    """Senders that enrol one person after another until told to stop, and send every tenth fact twice."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count()
        self.wanted = True
        self.accepted: Counter[str] = Counter()
        self.accepted_at: list[float] = []
        self.told_to_wait = 0
        self.refused: list[str] = []

    async def run(self) -> None:
        """Send until all regencies have had their turn and nobody wants more."""
        await together(*(self._sender() for _ in range(SENDERS)))

    async def _sender(self) -> None:
        while self.wanted or self.accepted.total() < IN_A_ROW * len(REGENCIES):
            number = next(self._numbers)
            regency = REGENCIES[number // IN_A_ROW % len(REGENCIES)]
            village = catalogue().children(catalogue().children(regency)[0])[0]
            fact = enrolled(invented_nik(number, BORN, woman=False), region=village)
            for _ in range(2 if number % 10 == 0 else 1):
                await self._until_answered(fact)
            self.accepted[regency] += 1
            self.accepted_at.append(monotonic())

    async def _until_answered(self, fact: dict[str, object]) -> None:
        while True:
            try:
                answer = await self._world.post(fact)
            except httpx.TransportError as error:
                self.refused.append(repr(error))
                continue
            if answer.is_success:
                return
            if answer.status_code not in (429, 503) or "retry-after" not in answer.headers:
                self.refused.append(f"{answer.status_code} {answer.text[:300]}")
            self.told_to_wait += 1
            await asyncio.sleep(float(answer.headers.get("retry-after", 1)))


class Freshness:
    """How old the oldest accepted fact was, at most, that coverage did not show. Asked from outside, all the time."""

    def __init__(self, world: World, load: Load) -> None:
        self._world, self._load = world, load
        self.worst_s = 0.0

    async def watch(self) -> None:
        """Ask until cancelled."""
        while True:
            accepted = len(self._load.accepted_at)
            counted = (await self._world.region("35"))["registered"]
            if counted < accepted:
                self.worst_s = max(self.worst_s, monotonic() - self._load.accepted_at[counted])
            await asyncio.sleep(0)


@pytest.fixture
async def world(kafka_bootstrap: str, mongodb_uri: str, tmp_path: Path) -> AsyncIterator[World]:
    """Topics, tokens and a mailbox; the services come later. Each request is a connection of its own, as a reload of
    nginx ends those that wait for the next one.
    """
    settings = StackSettings(
        folder=tmp_path / "stack", kafka_bootstrap=kafka_bootstrap, mongodb_uri=mongodb_uri,
        namespace=f"d{uuid.uuid4().hex[:6]}.", **ANY_PORTS,
    )  # fmt: skip
    stack = LocalStack(settings, lambda _: [])
    try:
        await stack.start()
        async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as http:
            yield World(stack, http, Line("127.0.0.1", 0), mongodb_uri)
    finally:
        await stack.stop()


@needs_nginx
async def test_replicas_that_join_and_restart_under_load_lose_and_refuse_nothing(world: World) -> None:
    """Each fact is answered, counted exactly once, soon; each regency's official is told once."""
    config = world.config
    parts = services_with_the_rule(config, REGENCIES)
    load = Load(world)
    freshness = Freshness(world, load)
    async with running(parts, 2, config) as (pods, proxy), httpx.AsyncClient() as operators:
        await put_potentials(world, REGENCIES, POTENTIAL)
        await put_officials(world)
        sending, watching = asyncio.create_task(load.run()), asyncio.create_task(freshness.watch())
        await together(*(join(pod, proxy) for pod in pods if pod.number > 0))
        for pod, sample in ((pod, WORK[pod.service]) for pod in pods if pod.service in WORK):
            await eventually(partial(pod.total, operators, sample), within_s=60)
        for _ in range(ROUNDS):
            await together(*(roll([pod for pod in pods if pod.service == name], proxy) for name in SERVICES))
        load.wanted = False
        await sending
        await eventually(partial(counted, world, load.accepted), within_s=60)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        assert load.refused == []
        await eventually(partial(everybody_is_told, world), within_s=60)
        assert sorted(region for _, region in await alerts(world)) == sorted(REGENCIES)
        assert len(world.mails()) == len(REGENCIES)
    changes = await read_topic(config.kafka.bootstrap, CHANGES.under(config.namespace).name)
    assert len(applied(changes)) == load.accepted.total()
    for part in parts[:2]:
        program = part.command[0]
        await Child("verify", (program, "verify"), config.home.log(f"{part.name}-verify"), part.environment).run()
    waited = f"{load.told_to_wait} told to wait, the oldest not counted for {freshness.worst_s:.1f} s"
    sys.stdout.write(f"{load.accepted.total()} facts, {waited}\n")
    assert freshness.worst_s < FRESH_WITHIN_S


WORK: Final = {"registry": 'registry_facts_total{outcome="accepted"', "coverage": "coverage_records_total"}
"""Metrics by which a replica shows that it has done a share of the work."""


async def join(pod: Pod, proxy: Proxy) -> None:
    """Add a pod to those that run."""
    await pod.start()
    await proxy.remember(pod)


async def roll(pods: list[Pod], proxy: Proxy) -> None:
    """Restart the pods of one StatefulSet, the last first."""
    workload = Manifests.of_overlay("production").named("StatefulSet", pods[0].service)
    pod_spec = pod_of(workload)
    pre_stop_s = pod_spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    for pod in reversed(pods):
        await proxy.forget(pod)
        await asyncio.sleep(pre_stop_s)
        await pod.terminate(pod_spec["terminationGracePeriodSeconds"] - pre_stop_s)
        await join(pod, proxy)
        await asyncio.sleep(workload["spec"]["minReadySeconds"])


async def put_officials(world: World) -> None:
    officials = (world.config.home.root / "officials.yaml").read_bytes()
    headers = {"content-type": "application/yaml"}
    answer = await world.request("PUT", "notifier", "/v1/officials", "operator", content=officials, headers=headers)
    assert answer.is_success, answer.text


async def counted(world: World, accepted: Counter[str]) -> bool:
    children = (await world.get("coverage", "/v1/regions/35/children?limit=500"))["items"]
    return Counter({child["region"]: child["registered"] for child in children}) == accepted


async def everybody_is_told(world: World) -> bool:
    return all(world.mails(address_of(code)) for code in REGENCIES)
