"""Says while a long activity works that it is alive, so that one on a worker that died is given to another soon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

HEARTBEAT_SECONDS = 5


@asynccontextmanager
async def keep_heartbeating() -> AsyncIterator[None]:
    """Beats for the time of a block."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
