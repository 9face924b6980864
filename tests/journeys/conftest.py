"""What journeys share: the federal program, driven from outside; and that no workflow has had a failed task."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from tests.support.marketplace import Marketplace
from tests.support.temporal import client_of, failed_tasks
from tests.support.world import World


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def no_failed_tasks(stack: dict[str, Any]) -> AsyncIterator[None]:
    """Fails the module whose workflows failed a task."""
    begun = datetime.now(UTC) - timedelta(seconds=1)
    yield
    assert await failed_tasks(await client_of(stack), begun) == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def market(world: World) -> Marketplace:
    """The stack's federal program, driven from outside."""
    return Marketplace(world.stack, world.http)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nobody_is_remembered(world: World) -> None:
    """The browser of one test is not the next one's: its language and its sessions are forgotten."""
    world.http.cookies.clear()
