"""`python -m benchmarks.registry.bare_route PORT URI DATABASE`: a bare FastAPI route with a bare group commit.

Takes any JSON, judges nothing: a participant and a ledger entry for each request, a transaction for each group. What
the registry takes longer is for knowing the sender, the fact and the person.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic_core import from_json

from benchmarks.registry import bare
from services.registry.intake.commit import GATHER_FOR, GROUP_AT_MOST
from shared.adapters.mongo import Mongo

Waiting = asyncio.Queue[asyncio.Future[None]]


def application(uri: str, database: str) -> FastAPI:
    """Return the application: POST /v1/facts."""
    mongo, waiting = Mongo(uri, database, "bare"), Waiting()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await mongo.create(["participants", "ledger"])
        commits = asyncio.create_task(_commit_groups(mongo, waiting))
        yield
        commits.cancel()

    api = FastAPI(lifespan=lifespan)

    @api.post("/v1/facts")
    async def post(request: Request) -> JSONResponse:
        from_json(await request.body())
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.put_nowait(answer)
        await answer
        return JSONResponse({"outcome": "accepted"}, 202)

    @api.get("/health/ready")
    async def ready() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    return api


async def _commit_groups(mongo: Mongo, waiting: Waiting) -> None:
    while True:
        group = [await waiting.get()]
        await asyncio.sleep(GATHER_FOR.total_seconds())
        while len(group) < GROUP_AT_MOST and not waiting.empty():
            group.append(waiting.get_nowait())
        await bare.transact(mongo, bare.documents("route", len(group)).renamed(uuid4().hex))
        for answer in group:
            answer.set_result(None)


if __name__ == "__main__":
    port, uri, database = sys.argv[1:]
    uvicorn.run(application(uri, database), port=int(port), log_config=None, access_log=False)
