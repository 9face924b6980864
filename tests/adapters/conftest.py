"""What the adapters' tests share: an impatient client, peers that misbehave, and a check for leaks."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest

from adapters.http import open_client

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Peer = Callable[[Talk], AbstractAsyncContextManager[int]]


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    """Where pytest-httpserver listens: on this machine only."""
    return ("127.0.0.1", 0)


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """The adapters' own client."""
    async with open_client() as opened:
        yield opened


@pytest.fixture
def impatient(http: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """It again, with half a second of patience: for who never answers."""
    http.timeout = httpx2.Timeout(0.5)
    return http


@pytest.fixture
def peer() -> Peer:
    """A TCP server that says what it is told to say: `async with peer(talk) as port`."""

    @asynccontextmanager
    async def listening(talk: Talk) -> AsyncIterator[int]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    return listening


def everything_said(error: BaseException) -> str:
    """All that a log of this exception could show."""
    return "\n".join([str(error), repr(error), *traceback.format_exception(error)])
