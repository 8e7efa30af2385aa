"""Senders that cost the machine little: they share its cores with what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from benchmarks.report import Spread


class Lane:
    """One kept connection to the entrance of single facts; `httpx` would take longer for a request than the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    @classmethod
    async def to(cls, registry: str, token: str) -> Lane:
        """Return a lane to a registry."""
        where = urlsplit(registry)
        head = (
            f"POST /v1/facts HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/cloudevents+json\r\nContent-Length: "
        )
        return cls(*await asyncio.open_connection(where.hostname, where.port), head.encode())

    async def send(self, body: bytes) -> None:
        """Return once the fact is accepted. Raises: AssertionError for any other answer, with its first line."""
        self._writer.write(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
        headers = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        assert headers.startswith(b"http/1.1 202"), headers.split(b"\r\n")[0]
        await self._reader.readexactly(int(headers.split(b"content-length: ")[1].split(b"\r\n")[0]))

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


class LanePool:
    """Lanes of which each send takes one that is free."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._free: asyncio.Queue[Lane] = asyncio.Queue()
        for lane in lanes:
            self._free.put_nowait(lane)

    @classmethod
    async def to(cls, registry: str, token: str, count: int) -> LanePool:
        """Return so many lanes to a registry."""
        return cls([await Lane.to(registry, token) for _ in range(count)])

    async def send(self, body: bytes) -> None:
        """Return once the fact is accepted."""
        lane = await self._free.get()
        await lane.send(body)
        self._free.put_nowait(lane)


async def closed_loop(registry: str, token: str, bodies: Sequence[bytes], connections: int) -> tuple[float, Spread]:
    """Return requests a second and their spread; each connection sends its next when the last is answered."""
    waiting, taken = iter(bodies), list[float]()
    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_send_each(await Lane.to(registry, token), waiting, taken))
    return len(bodies) / (perf_counter() - began), Spread.of(taken)


async def _send_each(lane: Lane, waiting: Iterator[bytes], taken: list[float]) -> None:
    for body in waiting:
        began = perf_counter()
        await lane.send(body)
        taken.append(perf_counter() - began)
    lane.close()


async def bulk(
    registries: Sequence[str], token: str, facts: Iterable[bytes], lines: int, connections: int, header: bytes = b""
) -> float:
    """Return facts a second, sent in bodies of so many lines, over so many connections to each registry.

    Lines are NDJSON, or CSV with its `header`. Raises: AssertionError where a fact was not accepted.
    """
    waiting = iter(facts)
    bodies = [header + body for body in iter(lambda: b"\n".join(islice(waiting, lines)), b"")]
    content_type = "text/csv" if header else "application/x-ndjson"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    async with httpx.AsyncClient(timeout=60, headers=headers) as client:
        began = perf_counter()
        left = iter(bodies)
        counts = await asyncio.gather(
            *(_send_bodies(client, f"{url}/v1/facts/bulk", left) for url in registries for _ in range(connections))
        )
        return sum(counts) / (perf_counter() - began)


async def _send_bodies(client: httpx.AsyncClient, url: str, bodies: Iterator[bytes]) -> int:
    count = 0
    for body in bodies:
        answer = (await client.post(url, content=body)).raise_for_status()
        results = answer.json()["results"]
        assert all(line["outcome"] == "accepted" for line in results), results[0]
        count += len(results)
    return count
