"""Signs a stand-in's webhooks and delivers them: in order for each case, with bounded retries, in the background."""

import asyncio
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.exchange import ExchangeClient, ExchangeUnreachable
from sandbox.http.problems import Problem
from sandbox.http.requests import read_body
from sandbox.store import Document, DocumentStore

Signer = Callable[[str, str], dict[str, str]]
"""Gives the headers that sign an event, of its id and its body."""

PATIENCE_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
WAITING, DELIVERED, REFUSED, GIVEN_UP = "waiting", "delivered", "refused", "given_up"
# Of the 4xx these say "later", not "no": Request Timeout, Too Early, Too Many Requests.
RETRIED_STATUSES = {408, 425, 429}


def build_standard_signer(secret: str) -> Signer:
    """Signs with Standard Webhooks headers, at the moment of sending; `secret` is whsec_ and base64."""
    webhook = Webhook(secret)

    def sign_event(event_id: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign(event_id, now, body),
        }

    return sign_event


def build_checkr_signer(secret: str) -> Signer:
    """Signs with the background check vendor's header: hex HMAC-SHA256 of the raw body."""

    def sign_event(_event_id: str, body: str) -> dict[str, str]:
        return {"X-Checkr-Signature": hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()}

    return sign_event


class ResendEvents(BaseModel):
    """Of which case the events are to be sent again."""

    model_config = ConfigDict(extra="forbid")

    case_id: str = Field(min_length=1, max_length=100)


class WebhookSender:
    """Delivers one stand-in's events to one address of the exchange.

    Events are stored before they go out, so that what a killed process had not delivered can be resumed.
    """

    def __init__(
        self, sender: str, url: str, sign: Signer, store: DocumentStore, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._kind = f"delivery:{sender}"
        self._url = url
        self._sign = sign
        self._store = store
        self._patience = patience
        self._lanes: dict[str, deque[Document]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._exchange = ExchangeClient()

    def queue_event(self, case: str, event_id: str, event: str, body: str, due: float | None = None) -> None:
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
        self._save_delivery(delivery)
        self._queue_delivery(delivery)

    def resume_deliveries(self) -> None:
        """Queues what an earlier process left undelivered."""
        for delivery in self.list_deliveries():
            if delivery["outcome"] == WAITING:
                self._queue_delivery(delivery)

    async def stop_deliveries(self) -> None:
        """Ends every attempt under way; they stay `waiting`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._exchange.close()

    def list_deliveries(self) -> list[Document]:
        """Every event sent, oldest first, with its outcome."""
        return self._store.list_documents(self._kind)

    def build_route(self) -> Route:
        """GET /deliveries: every event sent, with its outcome."""

        async def show_deliveries(_request: Request) -> Response:
            return JSONResponse(self.list_deliveries())

        return Route("/deliveries", show_deliveries)

    def build_resend_route(self) -> Route:
        """POST /webhooks/resend {"case_id"}: what was reported of a case before goes out again, under its ids."""

        async def resend_events(request: Request) -> Response:
            wanted = await read_body(request, ResendEvents)
            sent = {one["event_id"]: one for one in self.list_deliveries() if one["case"] == wanted.case_id}
            if not sent:
                raise Problem(404, "Nothing of that was sent before")
            for one in sent.values():
                self.queue_event(one["case"], one["event_id"], one["event"], one["body"], one["due"])
            return JSONResponse({"event_ids": list(sent)}, status_code=202)

        return Route("/webhooks/resend", resend_events, methods=["POST"])

    def _save_delivery(self, delivery: Document) -> None:
        self._store.save_document(self._kind, delivery["id"], delivery)

    def _queue_delivery(self, delivery: Document) -> None:
        case = delivery["case"]
        if case in self._lanes:
            self._lanes[case].append(delivery)
            return
        self._lanes[case] = deque([delivery])
        task = asyncio.create_task(self._empty_lane(case))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _empty_lane(self, case: str) -> None:
        lane = self._lanes[case]
        while lane:
            await self._deliver_event(lane[0])
            lane.popleft()
        del self._lanes[case]

    async def _deliver_event(self, delivery: Document) -> None:
        """Tries until the exchange accepts or refuses it, or the patience ends."""
        await asyncio.sleep(max(0.0, delivery["due"] - time.time()))
        patience_ends = time.monotonic() + self._patience
        pause = FIRST_PAUSE_SECONDS
        while delivery["outcome"] == WAITING:
            await self._attempt_delivery(delivery)
            if delivery["outcome"] == WAITING and time.monotonic() + pause > patience_ends:
                delivery["outcome"] = GIVEN_UP
            self._save_delivery(delivery)
            if delivery["outcome"] == WAITING:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _attempt_delivery(self, delivery: Document) -> None:
        delivery["attempts"] += 1
        # Signed anew at each attempt: the exchange refuses an old timestamp.
        headers = {"Content-Type": "application/json", **self._sign(delivery["event_id"], delivery["body"])}
        try:
            answer = await self._exchange.send_request(
                "POST", self._url, content=delivery["body"].encode(), headers=headers
            )
        except ExchangeUnreachable as error:
            delivery["error"] = error.reason
            return
        delivery["status"] = answer.status_code
        delivery["error"] = None
        if answer.is_success:
            delivery["outcome"] = DELIVERED
        elif answer.status_code < 500 and answer.status_code not in RETRIED_STATUSES:
            delivery["outcome"] = REFUSED
