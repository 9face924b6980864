"""What every journey ends with: no workflow of the module has had a failed task."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from tests.support.temporal import client_of, failed_tasks


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def no_failed_tasks(stack: dict[str, Any]) -> AsyncIterator[None]:
    """Fails the module whose workflows failed a task."""
    begun = datetime.now(UTC) - timedelta(seconds=1)
    yield
    assert await failed_tasks(await client_of(stack), begun) == []
