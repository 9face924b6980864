"""How often one caller may do a thing: forms without a log-in, look-ups, log-ins, wrong credentials.

Counted in the database, by all web processes together; an IPv6 caller is a network of 64 bits, since anybody has all
addresses of one. A process takes a twentieth of a limit at once, so that not every call is a write.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from weakref import WeakValueDictionary

from fastapi import Depends, Request
from limits import RateLimitItem, parse
from starlette.exceptions import HTTPException

from db.engine import Database
from db.writes.house.call_counts import grant_calls
from starter.cases import now
from web.http.defence.security_log import hash_caller
from web.services import Services, get_services

What = Literal["request", "look_up", "sign_in", "code", "code_letter", "code_share", "api", "wrong_credential"]

PORTIONS = 20
# One network has this share of the codes that are sent to everybody.
CODE_SHARE = 20
# Beyond, what was taken and not used is forgotten: a caller loses a twentieth of a limit by that.
MOST_REMEMBERED = 10_000


@dataclass
class _Portion:
    """Calls that were granted and not made yet; without any, until when none is granted."""

    left: int
    until: datetime


class RateLimiter:
    """One count for each caller and kind of thing; ``limits`` as the library writes them, "60/10 minutes"."""

    def __init__(self, database: Database, key: bytes, limits: Mapping[What, str]) -> None:
        self._database = database
        self._key = key
        self._limits: dict[What, RateLimitItem] = {what: parse(limit) for what, limit in limits.items()}
        self._portions: dict[tuple[What, str], _Portion] = {}
        self._taking: WeakValueDictionary[tuple[What, str], asyncio.Lock] = WeakValueDictionary()

    async def count_call(self, what: What, address: str) -> int:
        """Counts one more; 0 where it may be done, else after how many seconds it may be tried again."""
        caller = hash_caller(self._key, address)
        # One after the other: of many calls at once each would else take a portion, and twenty of them all there are.
        async with self._taking.setdefault((what, caller), asyncio.Lock()):
            at = now()
            portion = self._portions.get((what, caller))
            if portion is None or portion.until <= at:
                portion = await self._take_portion(what, caller, at)
            if portion.left == 0:
                return max(1, round((portion.until - at).total_seconds()))
            portion.left -= 1
            if portion.left == 0:
                self._portions.pop((what, caller), None)
            return 0

    async def _take_portion(self, what: What, caller: str, at: datetime) -> _Portion:
        limit = self._limits[what]
        window = timedelta(seconds=limit.get_expiry())
        wanted = max(1, limit.amount // PORTIONS)
        grant = await self._database.write(grant_calls, what, caller, wanted, limit.amount, window, at)
        portion = _Portion(grant.calls, at + (window if grant.calls else timedelta(seconds=grant.retry_after)))
        if len(self._portions) >= MOST_REMEMBERED:
            self._portions.clear()
        self._portions[what, caller] = portion
        return portion


@dataclass(frozen=True)
class RateLimited:
    """What one caller may do so often only."""

    what: What

    async def __call__(self, request: Request, services: Annotated[Services, Depends(get_services)]) -> None:
        """Counts a call; 429 beyond the limit."""
        await check_rate(services, self.what, request)


async def check_rate(services: Services, what: What, request: Request) -> None:
    """Counts a call of a kind; 429 beyond the limit."""
    address = request.client.host if request.client else ""
    if left := await services.rate_limiter.count_call(what, address):
        detail = "Too many in a short time from your address: please wait a moment, then try again."
        raise HTTPException(429, detail, {"Retry-After": str(left)})


def limit_rate(what: What) -> Any:
    """A route that one caller may call so often only."""
    return Depends(RateLimited(what))
