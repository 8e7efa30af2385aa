"""Keys are rotated by the commands while two replicas take facts, on the real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.adapters.mongo import Mongo
from shared.runtime.errors import PermanentError
from tests.commands import Ran, cakupan_registry, environment_of
from tests.factories_registry import NIK, event
from tests.integration.registry.serving import make_topics
from tests.serving import OPERATORS, served
from tests.tokens import Issuer
from tests.waiting import eventually

PEOPLE = 60


class Replicas:
    """Two registries on one store, that are sent facts by turns."""

    def __init__(self, clients: list[httpx.AsyncClient], token: str) -> None:
        self.clients = clients
        self._headers = {"authorization": f"Bearer {token}"}
        self._turn = 0

    async def send(self, person: int, id_: str) -> int:
        """Send one enrolment and return the status."""
        self._turn += 1
        fact = event(id=id_, data={"identity": {"scheme": "nik", "value": f"{NIK[:12]}{person:04d}"}})
        client = self.clients[self._turn % len(self.clients)]
        return (await client.post("/v1/facts", json=fact, headers=self._headers)).status_code


@asynccontextmanager
async def replicas(settings: RegistrySettings, issuer: Issuer, *names: str) -> AsyncIterator[Replicas]:
    """Yield replicas of these names, present at the store."""
    await make_topics(settings)
    async with AsyncExitStack() as running:
        apis = [build(settings.model_copy(update={"instance": name})) for name in names]
        clients = [await running.enter_async_context(served(api)) for api in apis]
        mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "test")
        running.callback(mongo.close)

        async def present() -> bool:
            return bool(await mongo["members"].count_documents({"until": {"$ne": None}}) == len(names))

        await eventually(present)
        yield Replicas(clients, issuer.token())


async def rotate(settings: RegistrySettings, command: str = "rotate-key") -> Ran:
    return await cakupan_registry(command, environment=environment_of(settings))


async def rows(settings: RegistrySettings) -> list[dict[str, Any]]:
    """Return the rows of identities."""
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "test")
    try:
        found: list[dict[str, Any]] = await mongo["identities"].find({"holder": {"$ne": None}}).to_list(None)
        return found
    finally:
        mongo.close()


async def test_keys_are_rotated_while_facts_arrive(
    settings: RegistrySettings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/key-rotation.md says: one holder each, every fact stays known, and no row of the old key is left."""
    monkeypatch.setattr("services.registry.identity.mongo.keyring.ROWS_A_BATCH", 5)
    async with replicas(settings, issuer, "registry-0", "registry-1") as registry:
        assert {await registry.send(person, f"a{person}") for person in range(PEOPLE)} == {202}
        assert (await rotate(settings, "new-key")).code == 0
        refused = await rotate(settings)
        assert refused.code == 1
        assert all(f"{settings.namespace}{name}" in refused.said for name in ("registry-0", "registry-1"))
    async with replicas(settings, issuer, "registry-0", "registry-1") as registry:
        rotating = asyncio.create_task(rotate(settings))
        meanwhile: set[int] = set()
        turn = 0
        while not rotating.done():
            meanwhile.add(await registry.send(turn % (2 * PEOPLE), f"b{turn}"))
            turn += 1
        rotated = await rotating
        assert (rotated.code, meanwhile) == (0, {202})
        assert "keys retired: 1" in rotated.said
        held = await rows(settings)
        assert len({row["key"] for row in held}) == 1
        assert len(held) == len({row["holder"] for row in held}) == max(PEOPLE, min(turn, 2 * PEOPLE))
        assert {await registry.send(person, f"a{person}") for person in range(PEOPLE)} == {200}
        assert await registry.send(1, "a2") == 409
        ready = await registry.clients[0].get(f"http://{OPERATORS}/health/ready")
        assert ready.json()["checks"]["identity keys"] == "ok"
    assert len(await rows(settings)) == len(held)
    assert "the newest key of the file is the one in use" in (await rotate(settings)).said


async def test_a_replica_left_behind_takes_no_fact_and_says_why(
    settings: RegistrySettings, issuer: Issuer, tmp_path: Path
) -> None:
    """One that was absent when the rotation began, and has the old file still, would meet everyone as new."""
    old = tmp_path / "old.key"
    old.write_text(settings.identity_key_file.read_text())
    behind = settings.model_copy(update={"identity_key_file": old})
    async with replicas(behind, issuer, "registry-0") as registry:
        assert await registry.send(1, "a1") == 202
        mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "test")
        await mongo["members"].delete_many({})
        assert (await rotate(settings, "new-key")).code == 0
        rotating = asyncio.create_task(rotate(settings))

        async def without_the_key() -> bool:
            checks = (await registry.clients[0].get(f"http://{OPERATORS}/health/ready")).json()["checks"]
            return bool(checks["identity keys"] != "ok")

        await eventually(without_the_key)
        assert await registry.send(1, "a2") == 500
        await rotating
        mongo.close()
    with pytest.raises(PermanentError, match="is missing: put the whole file there"):
        async with served(build(behind)):
            pytest.fail("it must not start")
