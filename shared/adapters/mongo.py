"""MongoDB through Motor, which only this module imports: PyMongo Async can take its place here (ADR 0004)."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from shared.runtime.errors import PermanentError, TransientError

Document = dict[str, Any]
Session = Any
Collection = Any
T = TypeVar("T")

_ANSWER_WITHIN_MS: Final = 10_000
"""A healthy server answers in milliseconds; after this long the caller should hear "try again" instead."""
_TRANSACTION_WITHIN_S: Final = 15.0
"""The driver would try for two minutes, in which whoever asked hears nothing; every transaction may be tried again."""
_LONGEST_TRANSACTION_S: Final = 60.0
"""The server's own limit; a deployment may set a shorter one, never needs a longer."""
_LOOK_EVERY_S: Final = 0.1
_LONGEST_ROLE: Final = 100
"""The server takes 128 characters as the name of a client."""


class Mongo:
    """One database, the client to it, and the transactions this process runs on it."""

    def __init__(self, uri: str, database: str, instance: str) -> None:
        """Prepare a client; nothing is contacted yet. `instance` names this replica and is the same after a restart."""
        self._role = f"{instance}@{database}"[:_LONGEST_ROLE]
        self._app_name = f"{self._role}#{uuid.uuid4().hex[:8]}"
        self._client: Any = AsyncIOMotorClient(
            uri,
            appname=self._app_name,
            tz_aware=True,
            serverSelectionTimeoutMS=_ANSWER_WITHIN_MS // 2,
            connectTimeoutMS=_ANSWER_WITHIN_MS // 2,
            socketTimeoutMS=_ANSWER_WITHIN_MS * 3,
            w="majority",
            journal=True,
            retryWrites=True,
        )
        self._db: Any = self._client.get_database(database, codec_options=CodecOptions(tz_aware=True))

    def __getitem__(self, collection: str) -> Collection:
        return self._db[collection]

    async def create(self, collections: list[str]) -> None:
        """Make the collections exist: a transaction should not have to create one."""
        with translating("create collections"):
            existing = await self.names()
            for name in collections:
                if name not in existing:
                    try:
                        await self._db.create_collection(name, check_exists=False)
                    except OperationFailure as error:
                        if error.code != _NAMESPACE_EXISTS:
                            raise

    async def names(self) -> frozenset[str]:
        """Return the names of all collections."""
        with translating("list collections"):
            return frozenset(await self._db.list_collection_names())

    async def drop(self, collections: Iterable[str]) -> None:
        """Delete collections with all they hold."""
        with translating("drop collections"):
            for name in collections:
                await self._db.drop_collection(name)

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Return what `work` returns, once all it wrote is on a majority; `work` may run more than once.

        Raises: TransientError when the server cannot be reached or others' writes keep conflicting; what `work`
        itself raises ends the transaction unwritten.
        """
        with translating("transaction"):
            async with asyncio.timeout(_TRANSACTION_WITHIN_S), await self._client.start_session() as session:
                return await session.with_transaction(  # type: ignore[no-any-return]
                    work,
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern("majority", j=True),
                    read_preference=ReadPreference.PRIMARY,
                )

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[Session]:
        """Give a session in which every read is of one moment, while others write.

        The server keeps what it needs for it for minSnapshotHistoryWindowInSeconds (300 unless set).
        """
        with translating("start a session"):
            session = await self._client.start_session(snapshot=True)
        async with session:
            yield session

    async def end_orphans(self) -> int:
        """End the open transactions a killed predecessor of this replica left here, and no other's; return how many.

        They would otherwise make whoever takes over meet WriteConflict until the server's own limit. Needs the
        privileges `inprog` and `killAnySession`; without them this ends none, and the server's limit decides.
        """
        left_open = {
            "transaction": {"$exists": True},
            "appName": {"$regex": f"^{re.escape(self._role)}#", "$ne": self._app_name},
        }
        try:
            operations = self._client.admin.aggregate(
                [{"$currentOp": {"allUsers": True, "idleSessions": True}}, {"$match": left_open}]
            )
            found = [{"id": operation["lsid"]["id"]} async for operation in operations]
            if found:
                await self._client.admin.command("killSessions", found)
        except OperationFailure:
            return 0
        except PyMongoError as error:
            raise TransientError(f"MongoDB does not answer: {_name(error)}") from error
        return len(found)

    async def settle(self) -> None:
        """Return once every transaction that is open now has ended.

        Needs the privilege `inprog` to look; without it this waits as long as the server lets any transaction live.
        """
        try:
            async with asyncio.timeout(_LONGEST_TRANSACTION_S):
                waiting_for = await self._open_transactions()
                while waiting_for:
                    await asyncio.sleep(_LOOK_EVERY_S)
                    waiting_for &= await self._open_transactions()
        except TimeoutError:
            return
        except OperationFailure:
            await asyncio.sleep(_LONGEST_TRANSACTION_S)
        except PyMongoError as error:
            raise TransientError(f"MongoDB does not answer: {_name(error)}") from error

    async def _open_transactions(self) -> set[tuple[str, int]]:
        stages = [{"$currentOp": {"allUsers": True, "idleSessions": True}}, {"$match": {"transaction": {"$ne": None}}}]
        found = self._client.admin.aggregate(stages)
        return {(str(one["lsid"]["id"]), one["transaction"]["parameters"]["txnNumber"]) async for one in found}

    async def ping(self) -> str | None:
        """Return None when the primary answers, else what is wrong; a health check."""
        with translating("ping"):
            await self._client.admin.command("ping")
        return None

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


_NAMESPACE_EXISTS: Final = 48


class DuplicateError(PermanentError):
    """A document with this key is there already."""


@contextmanager
def translating(what: str) -> Iterator[None]:
    """Turn the driver's errors inside the block into ours; messages name the operation, never a document."""
    try:
        yield
    except DuplicateKeyError as error:
        raise DuplicateError(f"MongoDB: {what}: the key exists already") from error
    except (AutoReconnect, ConnectionFailure, ExecutionTimeout, WTimeoutError, TimeoutError) as error:
        raise TransientError(f"MongoDB does not answer ({what}: {_name(error)})") from error
    except OperationFailure as error:
        if error.has_error_label("TransientTransactionError") or error.code in _PASSING:
            raise TransientError(f"MongoDB: {what} met a conflict or a fail-over (code {error.code})") from error
        if error.code == _SNAPSHOT_TOO_OLD:
            raise PermanentError(
                f"MongoDB no longer knows how it was when we began ({what}): raise its parameter "
                "minSnapshotHistoryWindowInSeconds for the time of this work and try again"
            ) from error
        raise PermanentError(
            f"MongoDB refused: {what} (code {error.code}); see the server's log, check its version and our rights"
        ) from error
    except PyMongoError as error:
        raise TransientError(f"MongoDB: {what} failed ({_name(error)})") from error


_SNAPSHOT_TOO_OLD: Final = 239
_PASSING: Final = frozenset({11600, 11601, 11602, 10107, 13435, 189, 91, 112, 251, 246, 50})
"""Fail-over, shutdown, interruption, write conflict, aborted transaction, no snapshot, time limit: try it again."""


def _name(error: BaseException) -> str:
    return type(error).__name__
