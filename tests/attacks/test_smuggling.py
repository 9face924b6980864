"""Where one request ends and the next begins is never in doubt: nothing is hidden in a body, or behind it."""

import asyncio

import pytest

from tests.attacks.test_client import FIRST, Visit, served, visit
from tests.support.patience import PATIENCE

__all__ = ["visit"]  # a fixture

POST = b"POST / HTTP/1.1\r\nHost: example.org\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: example.org\r\n\r\n"


async def read_all(port: int, sent: bytes) -> bytes:
    """Everything that is answered to these bytes before the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        POST + b"Content-Length: 0, 5\r\n\r\n",
        POST + b"Content-Length: +0\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 0x0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST / HTTP/1.1\nHost: example.org\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_request_that_could_be_two_is_none(head: bytes) -> None:
    async with served() as port:
        answer = await read_all(port, head + HIDDEN)
        assert answer.startswith(b"HTTP/1.1 400"), answer
        assert answer.count(b"HTTP/1.1") == 1, answer


async def test_two_plain_requests_on_one_connection_are_two() -> None:
    async with served() as port:
        closing = FIRST + b"Connection: close\r\n\r\n"
        answer = await read_all(port, POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n" + closing)
        assert answer.count(b"HTTP/1.1 200") == 2, answer


async def test_nothing_that_was_sent_is_sent_back(visit: Visit) -> None:
    async with await visit() as http:
        for method in ("TRACE", "TRACK", "CONNECT", "DEBUG"):
            answer = await http.request(method, "/", headers={"Cookie": "own=secret", "Sec-Fetch-Site": "none"})
            assert (method, answer.status_code) == (method, 405)
            assert "secret" not in answer.text
