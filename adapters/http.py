"""The one place where HTTP goes out and its failures are translated; it knows no third party."""

import asyncio
import logging
from collections.abc import AsyncIterator, Container, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from adapters.answers import LEDGER, note_answer

MAX_ANSWER_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
# Of the 4xx these alone say that the same call may succeed later.
RETRY_STATUSES = frozenset({408, 429})
NOT_FOUND = 404
# The body is kept as it came over the wire, so these would describe it wrongly.
WIRE_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})

Document = TypeVar("Document", bound=BaseModel)


class _Failure(Exception):
    """A failure with a short code and a detail, neither of which ever holds personal data."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class Unavailable(_Failure):
    """It may heal by itself: try again later."""


class Deferred(Unavailable):
    """It has answered, that it would rather be asked later."""


class Refused(_Failure):
    """It will not heal by itself: a person decides."""


def open_client(timeout: float = 8.0) -> httpx2.AsyncClient:
    """A client for `call_service`; `timeout` is in seconds and bounds a whole call, answer included."""
    # These loggers write addresses with their query, which holds an NPN or an e-mail address.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Uncompressed, so that the bound on an answer's size is a bound on memory too.
    headers = {"User-Agent": "assister-certification", "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(timeout=timeout, headers=headers, follow_redirects=False)


async def call_service(
    client: httpx2.AsyncClient, service: str, method: str, url: str, *, answers: Container[int] = (), **kw: Any
) -> httpx2.Response:
    """One call to `service`; statuses in `answers` are returned to the caller like a success.

    Raises Unavailable(`<service>_unreachable`) for transport errors, 5xx, 408 and 429,
    Refused(`<service>_refused`) for any other status, Refused(`<service>_unreadable`) for an oversized answer.
    """
    with record_call(service):
        with _translate_failures(service):
            # The client's own timeouts bound each read: a server that sends a byte now and then would hold a call for
            # ever.
            async with asyncio.timeout(client.timeout.read):
                response = await _send_request(client, service, method, url, **kw)
        _judge_status(response, service, answers)
    return response


async def request_resend(
    client: httpx2.AsyncClient, service: str, url: str, whose: Mapping[str, str], **kw: Any
) -> None:
    """Asks a service for the webhooks it sent before; one that sent none of these has nothing to send.

    Raises what `call_service` raises.
    """
    address = f"{url}/webhooks/resend"
    await call_service(client, service, "POST", address, answers={NOT_FOUND}, json=dict(whose), **kw)


@asynccontextmanager
async def open_stream(
    client: httpx2.AsyncClient,
    service: str,
    url: str,
    *,
    within: float,
    method: str = "GET",
    answers: Container[int] = (),
    **kw: Any,
) -> AsyncIterator[httpx2.Response]:
    """A call whose answer is read in the block, by `read_pieces`; `within` is in seconds and bounds the block.

    Raises what `call_service` raises, for what fails in the block too.
    """
    with record_call(service), _translate_failures(service):
        async with asyncio.timeout(within), client.stream(method, url, **kw) as response:
            _judge_status(response, service, answers)
            yield response


async def read_pieces(response: httpx2.Response, service: str, at_most: int) -> AsyncIterator[bytes]:
    """The body as it came over the wire; Refused(`<service>_unreadable`) once it has more than `at_most` bytes."""
    async for piece in response.aiter_raw(PIECE_BYTES):
        if response.num_bytes_downloaded > at_most:
            raise Refused(f"{service}_unreadable", "the answer is too large")
        yield piece


def read_document(response: httpx2.Response, service: str, model: type[Document]) -> Document:
    """The answer's JSON as `model`; anything else raises Refused(`<service>_unreadable`)."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise Refused(f"{service}_unreadable", f"not a {model.__name__}") from None


@contextmanager
def record_call(service: str) -> Iterator[None]:
    """Notes what came of a call in the block; one that is cut off by its caller says nothing of the service."""
    try:
        yield
    except (Unavailable, Refused) as error:
        LEDGER.note_failure(service, error.code, is_answered=isinstance(error, Refused | Deferred))
        raise
    else:
        LEDGER.note_success(service)


@contextmanager
def _translate_failures(service: str) -> Iterator[None]:
    """Turns what goes wrong on the way into the two exceptions."""
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException):
        raise Unavailable(f"{service}_unreachable", "timed out") from None
    except httpx2.HTTPError as error:
        raise Unavailable(f"{service}_unreachable", type(error).__name__) from None
    except httpx2.InvalidURL:
        raise Refused(f"{service}_refused", "its address is not a URL") from None


def _judge_status(response: httpx2.Response, service: str, answers: Container[int]) -> None:
    status = response.status_code
    is_expected = response.is_success or status in answers
    if not is_expected and (status >= 500 or status in RETRY_STATUSES):
        raise Unavailable(f"{service}_unreachable", f"answered {status}")
    note_answer()
    if not is_expected:
        raise Refused(f"{service}_refused", f"answered {status}")


async def _send_request(client: httpx2.AsyncClient, service: str, method: str, url: str, **kw: Any) -> httpx2.Response:
    async with client.stream(method, url, **kw) as response:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise Refused(f"{service}_unreadable", "the answer is too large")
        headers = [(name, value) for name, value in response.headers.items() if name.lower() not in WIRE_HEADERS]
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body))
