"""The operators' listener: it answers while the API's connections are used up, and the API tells strangers little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from prometheus_client import CollectorRegistry

from deploy.local.ports import free_ports
from shared.adapters.operators import create_operators
from shared.adapters.serve import ApiServer, operators_config, server_config
from tests.integration.shared.serving import connection, sizer
from tests.integration.shared.test_http_protocol import Crowded
from tests.serving import OPERATORS, served
from tests.waiting import eventually


@pytest.fixture
async def both() -> AsyncIterator[tuple[str, str]]:
    """The addresses of an API with room for two connections, and of its operators' listener; both stop in order."""
    ended: list[bool] = []
    api, (port, operators) = sizer(), free_ports(2)
    config = server_config(api, "127.0.0.1", port)
    config.http = Crowded
    server = ApiServer(config, operators_config(api, "127.0.0.1", operators), lambda: ended.append(True))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started and server.beside.started

    await eventually(started)
    yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{operators}"
    server.should_exit = True
    await serving
    assert ended == [True]


async def test_operators_are_answered_while_the_api_has_no_connection_left(both: tuple[str, str]) -> None:
    """Readiness, liveness and metrics come from connections of their own."""
    url, operators = both
    async with AsyncExitStack() as held, httpx.AsyncClient(timeout=30) as http:
        for _ in range(4):
            one = await held.enter_async_context(connection(url))
            await one.say(b"POST /v1/size HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert (await http.get(f"{url}/v1/size")).status_code == 503
        answers = [await http.get(f"{operators}{path}") for path in ("/health/live", "/health/ready", "/metrics")]
        assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_stranger_learns_a_status_and_no_more() -> None:
    """Reasons and metrics are for operators: on the API's port there is no `/metrics`, and health has one word."""

    async def away() -> str:
        return "mongodb at 10.0.0.7 does not answer"

    api = sizer(checks={"mongodb": away})
    async with served(api) as http:
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "not ready"})
        assert (await http.get("/health/live")).json() == {"status": "ok"}
        assert (await http.get("/metrics")).status_code == 404
        told = (await http.get(f"http://{OPERATORS}/health/ready")).json()
        assert told["checks"] == {"mongodb": "mongodb at 10.0.0.7 does not answer"}


async def test_requests_may_be_sent_here_whether_kafka_and_mongodb_answer_or_not() -> None:
    """All replicas share them: without any replica a caller would get no 503 with Retry-After from us."""

    async def away() -> str:
        return "mongodb does not answer"

    for is_serving, status in ((True, 200), (False, 503)):
        operators = create_operators(CollectorRegistry(), {"mongodb": away}, {}, lambda said=is_serving: said)  # type: ignore[misc]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(operators), base_url="http://test") as http:
            assert (await http.get("/health/serving")).status_code == status
            assert (await http.get("/health/live")).status_code == 200
            assert (await http.get("/health/ready")).status_code == 503
