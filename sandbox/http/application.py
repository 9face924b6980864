"""Puts a stand-in's web application together: its routes, the common ones, and the faults it is ordered to have."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.http.controls import Controls, FaultOrder
from sandbox.http.problems import Problem, respond_to_problem

BODY_LIMIT = 256 * 1024
ApiPaths = str | tuple[str, ...] | None
# Neither XML nor JSON, and no UTF-8 either: no parser of a client may make sense of it.
UNREADABLE_BODY = b"\x00\xff<<< neither XML nor JSON {{{ \xfe"


def build_application(
    controls: Controls, routes: Sequence[BaseRoute], api: ApiPaths = None, media_type: str = "application/json"
) -> Starlette:
    """A stand-in's web application: its own routes and the common ones.

    Paths that start with `api`, or with one of several, are the third party's: orders to fail concern these alone,
    and /calls shows these alone. What people and scripts do at the stand-in itself always works.
    """
    return Starlette(
        routes=[*routes, *controls.build_routes()],
        middleware=[Middleware(ControlsMiddleware, controls=controls, api=api, media_type=media_type)],
        exception_handlers={Problem: respond_to_problem},
    )


class ControlsMiddleware:
    """ASGI middleware: bounds every body, records calls of the API, lets them fail as ordered."""

    def __init__(self, app: ASGIApp, controls: Controls, api: ApiPaths, media_type: str) -> None:
        self._app = app
        self._controls = controls
        self._api = api
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _receive_body(receive)
        if body is None:
            too_long = Problem(413, f"A body may have {BODY_LIMIT} bytes", fault="body").build_response()
            await too_long(scope, receive, send)
            return
        receive_again = _replay_body(body, receive)
        if self._api is None or not scope["path"].startswith(self._api):
            await self._app(scope, receive_again, send)
            return
        call = self._record_call(scope, body)

        async def send_and_record(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        fault = self._controls.take_fault()
        app = self._app if fault is None else await self._build_failure(fault, receive)
        await app(scope, receive_again, send_and_record)

    def _record_call(self, scope: Scope, body: bytes) -> dict[str, Any]:
        headers = dict(scope["headers"])
        key = headers.get(b"idempotency-key")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        return self._controls.record_call(
            scope["method"], scope["path"], query, _parse_body(body), key.decode("latin-1") if key else None
        )

    async def _build_failure(self, fault: FaultOrder, receive: Receive) -> Response:
        if fault.mode == "garbage":
            return Response(UNREADABLE_BODY, media_type=self._media_type)
        if fault.mode == "error":
            return Problem(fault.status or 500, "An error, as ordered").build_response()
        if fault.mode == "hang":
            # The body was read, so all that can still arrive is that the caller hung up: then nobody waits any more.
            with suppress(TimeoutError):
                await asyncio.wait_for(receive(), fault.hang_seconds)
        return Problem(503, "Not available, as ordered").build_response()


async def _receive_body(receive: Receive) -> bytes | None:
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


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what really comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


def _parse_body(body: bytes) -> Any:
    """A body as /calls shows it: JSON as JSON, anything else as text."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
