"""HTTP as uvicorn speaks it, bounded: how much comes before a body, for how long one reads, how many connections.

By hand, for want of a setting: uvicorn bounds neither headers nor the time a request takes to arrive with its parser
in C, and a proxy in front is not everywhere. What a bound is hit by is answered in one line, and its connection closed.
"""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# A browser sends some 20 headers of 2 KiB together; a proxy adds a few.
MOST_HEADERS, MOST_HEAD_BYTES = 100, 32 * 1024
# For the first line and headers, and then for a body of 256 KiB at most.
HEAD_SECONDS, BODY_SECONDS = 10.0, 30.0
# A body of 256 KiB in chunks of a byte each, and then some.
MOST_BYTES = 4 * 1024 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection. ``limit_concurrency`` of uvicorn's settings is how many there may be at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_head_open = True
        self._received = 0
        self._is_refused = False
        self.headers, self.url = [], b""
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Takes a connection, or refuses the one that is too many."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._set_deadline(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends what was begun."""
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, as long as the head isn't too large."""
        if self._is_refused:
            return
        self._received += len(data)
        super().data_received(data)
        if self._is_head_open and (self._received > MOST_HEAD_BYTES or self._is_head_too_large()):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._received > MOST_BYTES:
            self._refuse(HTTPStatus(413))

    def on_message_begin(self) -> None:
        """A request begins: the one before, on the same connection, has been read."""
        super().on_message_begin()
        if not self._is_head_open:
            self._is_head_open, self._received = True, 0
            self._set_deadline(HEAD_SECONDS)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after a body under that name is nobody's concern."""
        if self._is_head_open and len(self.headers) <= MOST_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hands the request on, unless its head is too large: then it is never begun."""
        if self._is_refused or self._is_head_too_large():
            return
        self._is_head_open = False
        self._set_deadline(BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if not self._is_head_open:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All of a request has been read."""
        if not self._is_head_open:
            self._clear_deadline()
            super().on_message_complete()

    def _is_head_too_large(self) -> bool:
        """Whether there is more before the body than may be; it may have come in one piece with the body."""
        told = sum(len(name) + len(text) for name, text in self.headers) + len(self.url)
        return len(self.headers) > MOST_HEADERS or told > MOST_HEAD_BYTES

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
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            self.transport.write(f"{line}Connection: close\r\nContent-Length: 0\r\n\r\n".encode("ascii"))
        self.transport.close()
