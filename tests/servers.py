"""`python -m tests.servers`: real servers with fresh data until its input ends; says where they are in one line."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.servers import Servers
from deploy.local.settings import StackSettings


@asynccontextmanager
async def fresh_servers() -> AsyncIterator[Servers]:
    """Real servers with fresh data, or those that CAKUPAN_KAFKA_BOOTSTRAP and CAKUPAN_MONGODB_URI name."""
    # Whatever a killed process had open in there is of no use any more.
    with tempfile.TemporaryDirectory(prefix="cakupan-test-", ignore_cleanup_errors=True) as folder:
        servers = Servers(StackSettings(folder=Path(folder)))
        try:
            await servers.start()
            yield servers
        finally:
            # Their data is thrown away: nothing is worth waiting for.
            for child in servers.children:
                await child.kill()


async def _main() -> None:
    async with fresh_servers() as servers:
        sys.stdout.write(json.dumps([servers.kafka.bootstrap, servers.mongodb_uri]) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
