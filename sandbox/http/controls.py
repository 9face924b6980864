"""Breaks a stand-in on demand and remembers what reached it: POST /controls, GET and DELETE /calls."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.http.requests import BODY_LIMIT, Problem, on_problem, read

CALLS_KEPT = 10_000
HANG_SECONDS = 30.0
Api = str | tuple[str, ...] | None
NOT_THE_FORMAT = b"\x00\xff<<< neither XML nor JSON {{{ \xfe"


class Order(BaseModel):
    """How the third party shall behave: for `times` calls, for `seconds`, or until changed."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["ok", "down", "hang", "error", "garbage"]
    status: int | None = Field(None, ge=400, le=599, description="of error")
    seconds: float | None = Field(
        None, ge=0, le=86_400, description="how long a call hangs, or how long the mode lasts"
    )
    times: int | None = Field(None, ge=1, description="calls affected")

    @property
    def hang_seconds(self) -> float:
        """How long one call hangs."""
        return HANG_SECONDS if self.seconds is None else self.seconds


class Controls:
    """The order in force at one stand-in, and the calls that reached its API."""

    def __init__(self) -> None:
        self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self.follow(Order(mode="ok"))

    def follow(self, order: Order) -> None:
        """Behaves like this from now on."""
        self._order = order
        self._left = order.times
        lasting = order.seconds is not None and order.mode != "hang"
        self._ends = time.monotonic() + (order.seconds or 0) if lasting else None

    def current(self) -> Order:
        """The order in force; asking uses up none of its `times`."""
        if self._left == 0 or (self._ends is not None and time.monotonic() >= self._ends):
            self.follow(Order(mode="ok"))
        return self._order

    def take(self) -> Order | None:
        """What shall happen to the call that just came in; nothing when all is well."""
        order = self.current()
        if order.mode == "ok":
            return None
        if self._left is not None:
            self._left -= 1
        return order

    def record(self, method: str, path: str, query: dict[str, str], body: Any, key: str | None) -> dict[str, Any]:
        """Notes a call as it arrives; whoever answers it fills in `status`."""
        call = {
            "at": datetime.now(UTC).isoformat(),
            "method": method,
            "path": path,
            "query": query,
            "status": None,
            "body": body,
            "idempotency_key": key,
        }
        self.calls.append(call)
        return call

    def document(self) -> dict[str, Any]:
        """The order in force, as GET /controls shows it."""
        return {**self.current().model_dump(exclude_none=True), **({"times": self._left} if self._left else {})}

    def routes(self) -> list[BaseRoute]:
        """The routes every stand-in has."""

        async def show(_request: Request) -> Response:
            return JSONResponse(self.document())

        async def order(request: Request) -> Response:
            self.follow(await read(request, Order))
            return JSONResponse(self.document())

        async def calls(_request: Request) -> Response:
            return JSONResponse(list(self.calls))

        async def forget(_request: Request) -> Response:
            self.calls.clear()
            return Response(status_code=204)

        async def health(_request: Request) -> Response:
            return JSONResponse({"status": "ok"})

        return [
            Route("/controls", show),
            Route("/controls", order, methods=["POST"]),
            Route("/calls", calls),
            Route("/calls", forget, methods=["DELETE"]),
            Route("/healthz", health),
        ]


class Door:
    """ASGI middleware: bounds every body, records calls of the API, lets them fail as ordered."""

    def __init__(self, app: ASGIApp, controls: Controls, api: Api, media_type: str) -> None:
        self._app = app
        self._controls = controls
        self._api = api
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole(receive)
        if body is None:
            await Problem(413, f"A body may have {BODY_LIMIT} bytes", fault="body").response()(scope, receive, send)
            return
        replay = _replay(body, receive)
        if self._api is None or not scope["path"].startswith(self._api):
            await self._app(scope, replay, send)
            return
        call = self._record(scope, body)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        fault = self._controls.take()
        app = self._app if fault is None else await self._failing(fault, receive)
        await app(scope, replay, noting)

    def _record(self, scope: Scope, body: bytes) -> dict[str, Any]:
        headers = dict(scope["headers"])
        key = headers.get(b"idempotency-key")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        return self._controls.record(
            scope["method"], scope["path"], query, _readable(body), key.decode("latin-1") if key else None
        )

    async def _failing(self, fault: Order, receive: Receive) -> Response:
        if fault.mode == "garbage":
            return Response(NOT_THE_FORMAT, media_type=self._media_type)
        if fault.mode == "error":
            return Problem(fault.status or 500, "An error, as ordered").response()
        if fault.mode == "hang":
            # The body is read: all that can still come is that the caller hangs up.
            with suppress(TimeoutError):
                await asyncio.wait_for(receive(), fault.hang_seconds)
        return Problem(503, "Not available, as ordered").response()


async def _whole(receive: Receive) -> bytes | None:
    """The request's body, or None when it is longer than a stand-in reads."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what really comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _readable(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def application(
    controls: Controls, routes: Sequence[BaseRoute], api: Api = None, media_type: str = "application/json"
) -> Starlette:
    """A stand-in's web application: its own routes and the common ones, behind the door.

    Paths that start with `api`, or one of several, are the third party's; what orders concern, and what /calls shows.
    """
    return Starlette(
        routes=[*routes, *controls.routes()],
        middleware=[Middleware(Door, controls=controls, api=api, media_type=media_type)],
        exception_handlers={Problem: on_problem},
    )
