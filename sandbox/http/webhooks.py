"""Signs a stand-in's webhooks and delivers them: in order for each case, bounded retries, never in an answer's way."""

import asyncio
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.store import Document, Shelf

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response as Answer

Signer = Callable[[str, str], dict[str, str]]

PATIENCE_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
WAITING, DELIVERED, REFUSED, GIVEN_UP = "waiting", "delivered", "refused", "given_up"
WORTH_A_RETRY = {408, 425, 429}


def standard(secret: str) -> Signer:
    """Standard Webhooks headers, signed at the moment of sending; `secret` is whsec_ and base64."""
    webhook = Webhook(secret)

    def sign(event_id: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign(event_id, now, body),
        }

    return sign


def checkr(secret: str) -> Signer:
    """The background check vendor's header: hex HMAC-SHA256 of the raw body."""

    def sign(_event_id: str, body: str) -> dict[str, str]:
        return {"X-Checkr-Signature": hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()}

    return sign


def client() -> "AsyncClient":
    """An HTTP client for asking and telling the exchange; the environment's proxies are not for loopback."""
    # Imported here: it costs a fifth of the start-up, and nobody needs it before the stand-ins listen.
    import httpx2

    limits = httpx2.Limits(max_connections=20, max_keepalive_connections=20)
    return httpx2.AsyncClient(timeout=httpx2.Timeout(10.0, pool=None), limits=limits, trust_env=False)


class Deliveries:
    """One stand-in's way to one webhook address. What was not delivered when the process ended is resumed."""

    def __init__(self, sender: str, url: str, sign: Signer, shelf: Shelf, patience: float = PATIENCE_SECONDS) -> None:
        self._kind = f"delivery:{sender}"
        self._url = url
        self._sign = sign
        self._shelf = shelf
        self._patience = patience
        self._lanes: dict[str, deque[Document]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: AsyncClient | None = None

    def send(self, case: str, event_id: str, event: str, body: str, due: float | None = None) -> None:
        """Queues an event behind the case's earlier ones, to go out at `due` (seconds since 1970), or at once."""
        delivery = {
            "id": uuid4().hex,
            "event_id": event_id,
            "event": event,
            "case": case,
            "queued_at": datetime.now(UTC).isoformat(),
            "due": due or time.time(),
            "outcome": WAITING,
            "attempts": 0,
            "status": None,
            "error": None,
            "body": body,
        }
        self._keep(delivery)
        self._queue(delivery)

    def resume(self) -> None:
        """Queues what an earlier process left undelivered."""
        for delivery in self._shelf.all(self._kind):
            if delivery["outcome"] == WAITING:
                self._queue(delivery)

    async def stop(self) -> None:
        """Ends every attempt under way; they stay `waiting`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client:
            await self._client.aclose()

    def route(self) -> Route:
        """GET /deliveries: every event sent, with its outcome."""

        async def deliveries(_request: Request) -> Response:
            return JSONResponse(self.sent())

        return Route("/deliveries", deliveries)

    def sent(self) -> list[Document]:
        """Every event sent, oldest first, with its outcome."""
        return self._shelf.all(self._kind)

    def _keep(self, delivery: Document) -> None:
        self._shelf.put(self._kind, delivery["id"], delivery)

    def _queue(self, delivery: Document) -> None:
        case = delivery["case"]
        if case in self._lanes:
            self._lanes[case].append(delivery)
            return
        self._lanes[case] = deque([delivery])
        task = asyncio.create_task(self._empty(case))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _empty(self, case: str) -> None:
        lane = self._lanes[case]
        while lane:
            await self._deliver(lane[0])
            lane.popleft()
        del self._lanes[case]

    async def _deliver(self, delivery: Document) -> None:
        await asyncio.sleep(max(0.0, delivery["due"] - time.time()))
        patience_ends = time.monotonic() + self._patience
        pause = FIRST_PAUSE_SECONDS
        while delivery["outcome"] == WAITING:
            await self._attempt(delivery)
            if delivery["outcome"] == WAITING and time.monotonic() + pause > patience_ends:
                delivery["outcome"] = GIVEN_UP
            self._keep(delivery)
            if delivery["outcome"] == WAITING:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _attempt(self, delivery: Document) -> None:
        delivery["attempts"] += 1
        answer = await self._post(delivery)
        if answer is None:
            return
        delivery["status"] = answer.status_code
        delivery["error"] = None
        if answer.is_success:
            delivery["outcome"] = DELIVERED
        elif answer.status_code < 500 and answer.status_code not in WORTH_A_RETRY:
            delivery["outcome"] = REFUSED

    async def _post(self, delivery: Document) -> "Answer | None":
        import httpx2

        self._client = self._client or client()
        headers = {"Content-Type": "application/json", **self._sign(delivery["event_id"], delivery["body"])}
        try:
            return await self._client.post(self._url, content=delivery["body"].encode(), headers=headers)
        except httpx2.HTTPError as error:
            delivery["error"] = type(error).__name__
            return None
