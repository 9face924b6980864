"""What a stand-in is ordered to do wrong, and the calls that reached it: POST /controls, GET and DELETE /calls."""

import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.http.requests import read_body

# Bounds the memory of a stand-in under load tests; the tests that read /calls make a few dozen.
CALLS_KEPT = 10_000
HANG_SECONDS = 30.0


class FaultOrder(BaseModel):
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
        self.follow_order(FaultOrder(mode="ok"))

    def follow_order(self, order: FaultOrder) -> None:
        """Behaves like this from now on."""
        self._order = order
        self._times_left = order.times
        # The seconds of `hang` are the length of one call, not the time until the order ends.
        lasting = order.seconds is not None and order.mode != "hang"
        self._ends = time.monotonic() + (order.seconds or 0) if lasting else None

    def read_order(self) -> FaultOrder:
        """The order in force; reading uses up none of its `times`."""
        if self._times_left == 0 or (self._ends is not None and time.monotonic() >= self._ends):
            self.follow_order(FaultOrder(mode="ok"))
        return self._order

    def take_fault(self) -> FaultOrder | None:
        """What shall go wrong with the call that just came in, which uses up one of `times`; None when nothing."""
        order = self.read_order()
        if order.mode == "ok":
            return None
        if self._times_left is not None:
            self._times_left -= 1
        return order

    def record_call(self, method: str, path: str, query: dict[str, str], body: Any, key: str | None) -> dict[str, Any]:
        """Records a call as it arrives; whoever answers it sets `status` in the document given back."""
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

    def describe_order(self) -> dict[str, Any]:
        """The order in force, as GET /controls shows it."""
        order = self.read_order().model_dump(exclude_none=True)
        return {**order, **({"times": self._times_left} if self._times_left else {})}

    def build_routes(self) -> list[BaseRoute]:
        """The routes every stand-in has."""
        return [
            Route("/controls", self._show_order),
            Route("/controls", self._change_order, methods=["POST"]),
            Route("/calls", self._list_calls),
            Route("/calls", self._clear_calls, methods=["DELETE"]),
            Route("/healthz", _report_health),
        ]

    async def _show_order(self, _request: Request) -> Response:
        return JSONResponse(self.describe_order())

    async def _change_order(self, request: Request) -> Response:
        self.follow_order(await read_body(request, FaultOrder))
        return JSONResponse(self.describe_order())

    async def _list_calls(self, _request: Request) -> Response:
        return JSONResponse(list(self.calls))

    async def _clear_calls(self, _request: Request) -> Response:
        self.calls.clear()
        return Response(status_code=204)


async def _report_health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
