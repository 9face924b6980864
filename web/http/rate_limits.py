"""How often one address may do a thing: forms without a log-in, look-ups, log-ins.

Counted in this process: of several, each counts its own, which still stops somebody who tries numbers or links. The
counting is the library's; what wraps it for Starlette (slowapi) finds the limit by decorated functions, where a route
here declares it beside who may call it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from time import time
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

from web.services import Services, get_services

What = Literal["request", "look_up", "sign_in", "api"]


class RateLimiter:
    """One count for each address and kind of thing; ``limits`` as the library writes them, "60/10 minutes"."""

    def __init__(self, limits: Mapping[What, str]) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limits: dict[What, RateLimitItem] = {what: parse(limit) for what, limit in limits.items()}

    def count_call(self, what: What, address: str) -> int:
        """Counts one more; 0 where it may be done, else after how many seconds it may be tried again."""
        limit = self._limits[what]
        if self._limiter.hit(limit, what, address):
            return 0
        # When the oldest call leaves the window, one more may be made.
        return max(1, ceil(self._limiter.get_window_stats(limit, what, address).reset_time - time()))


@dataclass(frozen=True)
class RateLimited:
    """What one address may do so often only."""

    what: What

    async def __call__(self, request: Request, services: Annotated[Services, Depends(get_services)]) -> None:
        """Counts a call; 429 beyond the limit."""
        address = request.client.host if request.client else ""
        if left := services.rate_limiter.count_call(self.what, address):
            detail = "Too many in a short time from your address: please wait a moment, then try again."
            raise HTTPException(429, detail, {"Retry-After": str(left)})


def limit_rate(what: What) -> Any:
    """A route that one address may call so often only."""
    return Depends(RateLimited(what))
