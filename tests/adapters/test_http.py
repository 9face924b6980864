"""Every way a third party can fail becomes one of two exceptions."""

import asyncio
import logging
import pickle
from contextlib import suppress

import httpx2
import pytest
from pydantic import BaseModel
from pytest_httpserver import HTTPServer

from adapters.answers import watch_answers
from adapters.http import (
    MAX_ANSWER_BYTES,
    Refused,
    Unavailable,
    call_service,
    open_client,
    open_stream,
    read_document,
    read_pieces,
)
from tests.adapters.conftest import Peer, everything_said

SECRET = "testa.broker@example.com"
JSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Thing(BaseModel):
    id: str


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
async def test_what_may_heal_is_unavailable(http: httpx2.AsyncClient, httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/thing").respond_with_data(SECRET, status=status)
    with pytest.raises(Unavailable) as raised:
        await call_service(http, "lms", "GET", httpserver.url_for("/thing"), params={"who": SECRET})
    assert raised.value.code == "lms_unreachable"
    assert SECRET not in everything_said(raised.value)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 422])
async def test_what_will_not_heal_is_refused(http: httpx2.AsyncClient, httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/thing").respond_with_data(SECRET, status=status, headers={"Location": "/elsewhere"})
    with pytest.raises(Refused) as raised:
        await call_service(http, "lms", "GET", httpserver.url_for("/thing"), params={"who": SECRET})
    assert raised.value.code == "lms_refused"
    assert SECRET not in everything_said(raised.value)


async def test_a_status_can_be_an_answer(http: httpx2.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/thing").respond_with_data("taken", status=409)
    response = await call_service(http, "portal", "GET", httpserver.url_for("/thing"), answers={409})
    assert (response.status_code, response.text) == (409, "taken")


@pytest.mark.parametrize(("status", "heard"), [(200, True), (409, True), (422, True), (429, False), (503, False)])
async def test_who_watches_hears_of_an_answer_and_of_no_outage(
    http: httpx2.AsyncClient, httpserver: HTTPServer, status: int, heard: bool
) -> None:
    httpserver.expect_request("/thing").respond_with_data("{}", status=status)
    with watch_answers() as answers, suppress(Refused, Unavailable):
        await call_service(http, "lms", "GET", httpserver.url_for("/thing"), answers={409})
    assert answers.heard is heard


async def test_nobody_listening(http: httpx2.AsyncClient, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/thing"
    with pytest.raises(Unavailable, match="lms_unreachable") as raised:
        await call_service(http, "lms", "GET", url, params={"who": SECRET})
    assert SECRET not in everything_said(raised.value)


@pytest.mark.parametrize("address", ["http://[", "ftp://127.0.0.1/", "127.0.0.1"])
async def test_an_address_that_is_none(http: httpx2.AsyncClient, address: str) -> None:
    with pytest.raises((Refused, Unavailable)) as raised:
        await call_service(http, "lms", "GET", f"{address}/{SECRET}")
    assert SECRET not in everything_said(raised.value)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "this is not HTTP\r\n\r\n",
        f"{JSON}Content-Length: 100\r\n\r\ncut off",
        f"{JSON}Transfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    ],
)
async def test_a_broken_answer(http: httpx2.AsyncClient, peer: Peer, said: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said.encode())
        await writer.drain()

    async with peer(talk) as port:
        with pytest.raises(Unavailable, match="lms_unreachable"):
            await call_service(http, "lms", "GET", f"http://127.0.0.1:{port}/thing")


async def test_silence_is_not_waited_for(impatient: httpx2.AsyncClient, peer: Peer) -> None:
    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(talk) as port:
        with pytest.raises(Unavailable, match="timed out"):
            await call_service(impatient, "lms", "GET", f"http://127.0.0.1:{port}/thing")


async def test_neither_is_a_trickle(impatient: httpx2.AsyncClient, peer: Peer) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{JSON}Content-Length: 1000\r\n\r\n".encode())
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with peer(talk) as port:
        with pytest.raises(Unavailable, match="timed out"):
            await call_service(impatient, "lms", "GET", f"http://127.0.0.1:{port}/thing")


@pytest.mark.parametrize(("size", "fits"), [(MAX_ANSWER_BYTES, True), (MAX_ANSWER_BYTES + 1, False)])
async def test_an_answer_has_a_bounded_size(
    http: httpx2.AsyncClient, httpserver: HTTPServer, size: int, fits: bool
) -> None:
    httpserver.expect_request("/thing").respond_with_data(b" " * size)
    answer = call_service(http, "registry", "GET", httpserver.url_for("/thing"))
    if fits:
        assert len((await answer).content) == size
    else:
        with pytest.raises(Refused, match="registry_unreadable"):
            await answer


async def test_a_long_answer_is_read_in_pieces(http: httpx2.AsyncClient, httpserver: HTTPServer) -> None:
    body = b"x" * (3 * MAX_ANSWER_BYTES)
    httpserver.expect_request("/list").respond_with_data(body, headers={"ETag": '"1"'})
    async with open_stream(http, "lists", httpserver.url_for("/list"), within=10) as response:
        read = [piece async for piece in read_pieces(response, "lists", len(body))]
    assert (b"".join(read), len(read) > 3) == (body, True)
    assert response.headers["ETag"] == '"1"'
    async with open_stream(http, "lists", httpserver.url_for("/list"), within=10) as response:
        with pytest.raises(Refused, match="lists_unreadable"):
            read = [piece async for piece in read_pieces(response, "lists", len(body) - 1)]


@pytest.mark.parametrize(("status", "expected"), [(503, Unavailable), (404, Refused), (304, Refused)])
async def test_a_long_answer_is_judged_before_it_is_read(
    http: httpx2.AsyncClient, httpserver: HTTPServer, status: int, expected: type[Exception]
) -> None:
    httpserver.expect_request("/list").respond_with_data(SECRET, status=status)
    url = httpserver.url_for("/list")
    with pytest.raises(expected, match="lists") as raised:
        async with open_stream(http, "lists", url, within=10, params={"who": SECRET}):
            pytest.fail("there is nothing to read")
    assert SECRET not in everything_said(raised.value)
    async with open_stream(http, "lists", url, within=10, answers={status}) as response:
        assert response.status_code == status


async def test_what_the_reader_of_a_long_answer_raises_stays_what_it_is(
    http: httpx2.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/list").respond_with_data("text")
    with pytest.raises(ZeroDivisionError):
        async with open_stream(http, "lists", httpserver.url_for("/list"), within=10) as response:
            assert response.status_code / 0


async def test_a_compressed_answer_is_not_unpacked(http: httpx2.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/thing").respond_with_data(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    response = await call_service(http, "lms", "GET", httpserver.url_for("/thing"))
    assert response.content == b"\x1f\x8b"


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"id": 7}', f'{{"name": "{SECRET}"}}', "\ud800"])
def test_an_answer_that_is_not_the_document(body: str) -> None:
    response = httpx2.Response(200, content=body.encode(errors="surrogatepass"))
    with pytest.raises(Refused, match="lms_unreadable") as raised:
        read_document(response, "lms", Thing)
    assert SECRET not in everything_said(raised.value)


async def test_no_query_reaches_the_log(httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    httpserver.expect_request("/thing").respond_with_data("")
    with caplog.at_level(logging.DEBUG):
        async with open_client() as opened:
            await call_service(opened, "lms", "GET", httpserver.url_for("/thing"), params={"who": "1234567890"})
    assert "1234567890" not in "".join(record.getMessage() for record in caplog.records if "httpx2" in record.name)
    assert not [record for record in caplog.records if record.name.startswith(("httpx2", "httpcore2"))]


def test_a_failure_survives_a_process_boundary() -> None:
    copy = pickle.loads(pickle.dumps(Refused("lms_refused", "answered 400")))
    assert (copy.code, str(copy)) == ("lms_refused", "lms_refused: answered 400")
