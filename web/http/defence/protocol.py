"""HTTP as uvicorn speaks it, bounded: what comes before a body, how long one reads and writes, how many connections.

By hand, for want of a setting: uvicorn bounds neither headers nor the time a request takes to arrive with its parser
in C, and a proxy in front is not everywhere. What a bound is hit by is answered by a problem document, and its
connection closed.
"""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from domain.shared.documents.evidence import MEGABYTE
from web.http.defence.security_log import find_network
from web.http.limits import SECURITY_HEADERS, find_largest_body
from web.http.problems import build_problem

# A browser sends some 20 headers of 2 KiB together; a proxy adds a few.
MOST_HEADERS, MOST_HEAD_BYTES = 100, 32 * 1024
# For the first line and headers, and then for a body of 256 KiB at most, or for each megabyte of files: some photos
# take a phone minutes.
HEAD_SECONDS, BODY_SECONDS = 10.0, 30.0
# For what was sent to be taken: uvicorn holds some 64 KiB of it, and waits for ever.
TAKE_SECONDS = 60.0
# One network has this share of all connections, unless it is a trusted proxy: that one stands for many.
SHARE = 4
# A body of 256 KiB in chunks of a byte each, and then some; more where files are sent.
MOST_BYTES = 4 * 1024 * 1024


_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "What was sent is no HTTP request.",
    HTTPStatus.REQUEST_TIMEOUT: "The request took too long to arrive; send it again.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: f"A request has at most {MOST_HEADERS} headers, and "
    f"{MOST_HEAD_BYTES} bytes before its body; send less.",
    HTTPStatus(413): f"What was sent is larger than {MOST_BYTES} bytes, or than files may be; send less.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too many connections are open; please try again in a moment.",
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. ``limit_concurrency`` of uvicorn's settings is how many there may be at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_head_open = True
        self._received = 0
        self._most, self._awaited = MOST_BYTES, 0
        self._is_refused = False
        self.headers, self.url = [], b""
        self._deadline: TimerHandle | None = None
        self._taking: TimerHandle | None = None
        self.network: str | None = None
        trusted = self.config.forwarded_allow_ips if self.config.proxy_headers else None
        self._proxies = ProxyHeadersMiddleware(self.app, trusted or "").trusted_hosts

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Takes a connection, or refuses the one that is too many."""
        super().connection_made(transport)
        self.network = self._find_client()
        if self._is_one_too_many():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._set_deadline(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends what was begun."""
        self._clear_deadline()
        self._clear_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, as long as the head isn't too large."""
        if self._is_refused:
            return
        self._received += len(data)
        super().data_received(data)
        if self._is_head_open and (self._received > MOST_HEAD_BYTES or self._is_head_too_large()):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._received > self._most:
            self._refuse(HTTPStatus(413))
        elif self._deadline is None and self._is_idle():
            # What begins no request, such as an empty line, has ended uvicorn's wait for the next one.
            self._set_deadline(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """A request begins: the one before, on the same connection, has been read."""
        super().on_message_begin()
        if not self._is_head_open:
            self._is_head_open, self._received, self._most = True, 0, MOST_BYTES
            self._set_deadline(HEAD_SECONDS)

    def on_response_complete(self) -> None:
        """An answer is written; whoever doesn't take it isn't waited for."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._clear_taking()
            self._await_taking()

    def pause_writing(self) -> None:
        """There is more to be taken than is held."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """It is being taken."""
        self._clear_taking()
        super().resume_writing()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after a body under that name is nobody's concern."""
        if self._is_head_open and len(self.headers) <= MOST_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hands the request on, unless its head is too large: then it is never begun."""
        if self._is_refused or self._is_head_too_large():
            return
        self._is_head_open = False
        self._most = max(MOST_BYTES, find_largest_body(self.url.partition(b"?")[0].decode("latin-1")) + MOST_HEAD_BYTES)
        self._awaited = self._received + MEGABYTE
        self._set_deadline(BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body; where files are sent, each megabyte has its own time."""
        if self._is_head_open:
            return
        if self._most > MOST_BYTES and self._received >= self._awaited:
            self._awaited = self._received + MEGABYTE
            self._set_deadline(BODY_SECONDS)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of a request has been read."""
        if not self._is_head_open:
            self._clear_deadline()
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP, as everything else that is refused before a request has begun."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _is_head_too_large(self) -> bool:
        """Whether there is more before the body than may be; it may have come in one piece with the body."""
        told = sum(len(name) + len(text) for name, text in self.headers) + len(self.url)
        return len(self.headers) > MOST_HEADERS or told > MOST_HEAD_BYTES

    def _find_client(self) -> str | None:
        """The network that the connection is counted for; none of a trusted proxy's or of a local socket."""
        if self.client is None or self.client[0] in self._proxies:
            return None
        return find_network(self.client[0])

    def _is_one_too_many(self) -> bool:
        """Whether there are as many connections as there may be, in all or of this network."""
        if self.limit_concurrency is None:
            return False
        others = sum(1 for one in self.connections if one is not self and getattr(one, "network", "") == self.network)
        own = max(1, self.limit_concurrency // SHARE)
        return len(self.connections) > self.limit_concurrency or (self.network is not None and others >= own)

    def _is_idle(self) -> bool:
        """Whether no request is under way."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _await_taking(self) -> None:
        if self._taking is None:
            self._taking = self.loop.call_later(TAKE_SECONDS, self._drop_untaken)

    def _clear_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _drop_untaken(self) -> None:
        """Closing would wait for what is held to be taken."""
        self._taking = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _set_deadline(self, seconds: float) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answers, unless an answer has begun, and closes."""
        self._is_refused = True
        self._clear_deadline()
        if self.transport.is_closing():
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_describe_refusal(status))
        self.transport.close()
        self._await_taking()


def _describe_refusal(status: HTTPStatus) -> bytes:
    """The answer to what never became a request: as the application answers, closing."""
    problem = build_problem(status.value, _SENTENCES[status])
    headers = {**SECURITY_HEADERS, **problem.headers, "Connection": "close"}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join((*lines, "", "")).encode("ascii") + bytes(problem.body)
