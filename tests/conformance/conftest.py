"""The exchange among software of others: its portal is a SCIM server, its LMS reports by a learning record store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from starter.stack.embedded import run_stack
from tests.conformance import peers
from tests.conformance.peers import RecordStore
from tests.support.patience import PATIENCE
from tests.support.world import World

TOKEN = "a-token-of-the-portal"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conformance")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scim_server(folder: Path) -> AsyncIterator[str]:
    """The address of scim2-server; its service is at /scim/v2."""
    async with peers.scim_server(folder / "scim-server", TOKEN) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(folder: Path, scim_server: str) -> AsyncIterator[dict[str, Any]]:
    """The embedded stack, with scim2-server in the place of the portal's stand-in."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CERTIFY_PORTAL_URL", scim_server)
        environment.setenv("CERTIFY_PORTAL_TOKEN", TOKEN)
        async with run_stack(folder / "stack") as document:
            yield document


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(stack: dict[str, Any]) -> AsyncIterator[World]:
    """That stack, driven from outside."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        yield World(stack, client)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def record_store(folder: Path, world: World) -> AsyncIterator[RecordStore]:
    """Ralph, which forwards what it stores to the exchange."""
    async with peers.ralph(folder / "ralph", world) as store:
        yield store
