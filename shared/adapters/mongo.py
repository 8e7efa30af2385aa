"""MongoDB through Motor. Only this module imports Motor, so that PyMongo Async can replace it here (ADR 0004)."""

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
"""A healthy server answers in milliseconds. After this time the caller is asked to try again."""
_TRANSACTION_WITHIN_S: Final = 15.0
"""The driver alone would try for two minutes while the caller waits. Every transaction can be tried again."""
_LONGEST_TRANSACTION_S: Final = 60.0
"""The server's default limit; a deployment may set a shorter one and never needs a longer one."""
_POLL_EVERY_S: Final = 0.1
"""How often open transactions are listed while waiting for them; listing is cheap."""
_LONGEST_ROLE: Final = 100
"""The server allows 128 characters in the name of a client."""


class Mongo:
    """One database and the client to it."""

    def __init__(self, uri: str, database: str, instance: str) -> None:
        """Prepare a client without connecting. `instance` names this replica and is the same after a restart."""
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
        """Create the collections that are missing, since a transaction should not have to."""
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
        """Delete collections with their documents."""
        with translating("drop collections"):
            for name in collections:
                await self._db.drop_collection(name)

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Return the result of `work` once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the server cannot be reached or other writes keep conflicting. An error of `work`
        itself aborts the transaction.
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
    async def snapshot_read(self) -> AsyncIterator[Session]:
        """Give a session whose reads all see the database at one point in time, while others write.

        The server keeps that state for minSnapshotHistoryWindowInSeconds (300 unless set).
        """
        with translating("start a session"):
            session = await self._client.start_session(snapshot=True)
        async with session:
            yield session

    async def end_orphans(self) -> int:
        """End the transactions that a killed predecessor of this replica left open, and no others; return how many.

        Otherwise whoever takes over meets WriteConflict until the server's time limit. Needs the privileges `inprog`
        and `killAnySession`; without them this ends none and leaves it to the server's limit.
        """
        try:
            orphans = {"appName": {"$regex": f"^{re.escape(self._role)}#", "$ne": self._app_name}}
            found = [{"id": operation["lsid"]["id"]} for operation in await self._open_transactions(orphans)]
            if found:
                await self._client.admin.command("killSessions", found)
        except OperationFailure:
            return 0
        except PyMongoError as error:
            raise TransientError(f"MongoDB does not answer: {_name(error)}") from error
        return len(found)

    async def wait_for_open_transactions(self) -> None:
        """Return once every transaction that is open now has ended.

        Needs the privilege `inprog`; without it this waits for the longest time that the server allows a transaction.
        """
        try:
            async with asyncio.timeout(_LONGEST_TRANSACTION_S):
                waiting_for = await self._transaction_ids()
                while waiting_for:
                    await asyncio.sleep(_POLL_EVERY_S)
                    waiting_for &= await self._transaction_ids()
        except TimeoutError:
            return
        except OperationFailure:
            await asyncio.sleep(_LONGEST_TRANSACTION_S)
        except PyMongoError as error:
            raise TransientError(f"MongoDB does not answer: {_name(error)}") from error

    async def _transaction_ids(self) -> set[tuple[str, int]]:
        found = await self._open_transactions({})
        return {(str(one["lsid"]["id"]), one["transaction"]["parameters"]["txnNumber"]) for one in found}

    async def _open_transactions(self, matching: Document) -> list[Document]:
        everyones = {"$currentOp": {"allUsers": True, "idleSessions": True}}
        found = self._client.admin.aggregate([everyones, {"$match": {"transaction": {"$exists": True}, **matching}}])
        return [operation async for operation in found]

    async def ping(self) -> str | None:
        """Return None when the primary answers. A health check. Raises: TransientError."""
        with translating("ping"):
            await self._client.admin.command("ping")
        return None

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


_NAMESPACE_EXISTS: Final = 48
"""MongoDB's error code when another replica has created the collection meanwhile."""


class DuplicateError(PermanentError):
    """A document with this key exists already."""


def at_or_below(region: str) -> re.Pattern[str]:
    """Return the pattern of the codes of the region and of all below it. It is anchored, so that an index serves it."""
    return re.compile(rf"^{re.escape(region)}(\.|$)")


@contextmanager
def translating(what: str) -> Iterator[None]:
    """Turn the driver's errors inside the block into ours. Messages name the operation, never a document."""
    try:
        yield
    except DuplicateKeyError as error:
        raise DuplicateError(f"MongoDB: {what}: the key exists already") from error
    except (AutoReconnect, ConnectionFailure, ExecutionTimeout, WTimeoutError, TimeoutError) as error:
        raise TransientError(f"MongoDB does not answer ({what}: {_name(error)})") from error
    except OperationFailure as error:
        if error.has_error_label("TransientTransactionError") or error.code in _RETRIABLE:
            raise TransientError(f"MongoDB: {what} met a conflict or a fail-over (code {error.code})") from error
        if error.code == _SNAPSHOT_TOO_OLD:
            raise PermanentError(
                f"MongoDB no longer has the state at which this read began ({what}): raise its parameter "
                "minSnapshotHistoryWindowInSeconds for the time of this work and try again"
            ) from error
        raise PermanentError(
            f"MongoDB refused: {what} (code {error.code}); see the server's log, check its version and our rights"
        ) from error
    except PyMongoError as error:
        raise TransientError(f"MongoDB: {what} failed ({_name(error)})") from error


_SNAPSHOT_TOO_OLD: Final = 239
"""MongoDB's error code when a snapshot read took longer than the server keeps history."""
_RETRIABLE: Final = frozenset({11600, 11601, 11602, 10107, 13435, 189, 91, 112, 251, 246, 50})
"""Error codes worth another try: fail-over, shutdown, interruption, conflict, aborted, no snapshot, time limit."""


def _name(error: BaseException) -> str:
    return type(error).__name__
