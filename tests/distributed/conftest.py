"""A Temporal server for processes that run apart."""

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client

from starter.stack import temporal_server
from tests.support.temporal_server import start_temporal

NAMESPACE = "apart"
SKIPPING = ("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true")


@pytest_asyncio.fixture
async def temporal() -> AsyncIterator[Client]:
    """A server of the test's own, with the search attributes that a namespace is prepared with; time can be skipped."""
    attributes = [f"--search-attribute={name}={kind}" for name, kind in temporal_server.SEARCH_ATTRIBUTES.items()]
    async with await start_temporal(*attributes, *SKIPPING, namespace=NAMESPACE) as server:
        yield server.client
