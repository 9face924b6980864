"""The real stack for tests: one per test process, started as a user starts it, driven from outside."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from starter.stack.embedded import run_stack
from tests.support.world import World

pytest_plugins = ["tests.fixtures.postgres", "tests.fixtures.migrated"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    """The embedded stack's stack.json document."""
    folder: Path = tmp_path_factory.mktemp("stack")
    async with run_stack(folder) as document:
        yield document


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(stack: dict[str, Any]) -> AsyncIterator[World]:
    """The stack, driven from outside."""
    async with httpx2.AsyncClient(timeout=20) as client:
        yield World(stack, client)
