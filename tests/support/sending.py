"""Reports as senders of the tests' web application send them, each with its own credential."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx2
from standardwebhooks.webhooks import Webhook

from tests.web.conftest import SENDERS

# Where each kind of report arrives.
ADDRESSES = {
    "training": "/webhooks/lms",
    "exam": "/webhooks/lms",
    "portal": "/webhooks/portal",
    "background-checks": "/webhooks/background-checks",
    "vendor": "/webhooks/vendors/vendor-a",
    "bounces": "/webhooks/mail",
}


def write_body(document: Any) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def build_basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def build_credential(sender: str, body: bytes, prefix: str = "webhook-") -> dict[str, str]:
    """The headers by which a sender shows who it is."""
    entry = SENDERS[sender]
    if key := entry.get("check_key"):
        return {"X-Checkr-Signature": hmac.new(key.encode(), body, sha256).hexdigest()}
    if token := entry.get("token"):
        return {"Authorization": f"Bearer {token}"}
    if password := entry.get("password"):
        return {"Authorization": build_basic(entry["user"], password)}
    event_id, at = str(uuid4()), datetime.now(UTC)
    signature = Webhook(entry["secret"]).sign(event_id, at, body.decode())
    told = {"id": event_id, "timestamp": str(int(at.timestamp())), "signature": signature}
    return {f"{prefix}{name}": value for name, value in told.items()}


async def send_report(
    browser: httpx2.AsyncClient, sender: str, path: str, document: Any, *, prefix: str = "webhook-", **headers: str
) -> httpx2.Response:
    """A report under a sender's credential."""
    body = write_body(document)
    return await browser.post(path, content=body, headers=build_credential(sender, body, prefix) | headers)
