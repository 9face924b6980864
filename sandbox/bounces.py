"""Reports that a letter came back or is late, as a mail server writes them (RFC 3464) and hands them on."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.http.exchange import ExchangeClient

HOST = "mailbox.example.test"
EDGE = "report-of-the-mailbox"


class BounceOrder(BaseModel):
    """What the report says: its action, and the enhanced status code."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["failed", "delayed"] = "failed"
    status: str = Field("5.1.1", pattern=r"^[45]\.\d{1,3}\.\d{1,3}$")


class BounceReporter:
    """Hands reports to the exchange with the credential of a mail server; without one nobody is told."""

    def __init__(self, web_url: str, token: str) -> None:
        self._url = f"{web_url}/webhooks/mail"
        self._token = token
        self._exchange = ExchangeClient()

    async def send_report(self, report: bytes) -> int | None:
        """The exchange's status; None where there is no credential. Raises `ExchangeUnreachable`."""
        if not self._token:
            return None
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "message/rfc822"}
        return (await self._exchange.send_request("POST", self._url, content=report, headers=headers)).status_code

    async def close(self) -> None:
        """Closes the connections."""
        await self._exchange.close()


def write_bounce(order: BounceOrder, sender: str, recipient: str, headers: str) -> bytes:
    """The report as it comes to ``sender``; ``headers`` is the head of the letter it is about."""
    date = format_datetime(datetime.now(UTC))
    subject = (
        "Undelivered Mail Returned to Sender" if order.action == "failed" else "Delayed Mail (still being retried)"
    )
    head = (
        f"From: Mail Delivery System <MAILER-DAEMON@{HOST}>",
        f"To: {sender}",
        f"Subject: {subject}",
        f"Date: {date}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{EDGE}"',
    )
    status = (
        f"Reporting-MTA: dns; {HOST}",
        f"Arrival-Date: {date}",
        "",
        f"Final-Recipient: rfc822; {recipient}",
        f"Action: {order.action}",
        f"Status: {order.status}",
        f"Diagnostic-Code: smtp; {order.status} as ordered",
        "",
    )
    parts = (
        ("text/plain; charset=us-ascii", "This is the mail system. Your message could not be delivered yet.\r\n"),
        ("message/delivery-status", "\r\n".join(status)),
        ("text/rfc822-headers", headers),
    )
    body = "".join(f"\r\n--{EDGE}\r\nContent-Type: {kind}\r\n\r\n{text}" for kind, text in parts)
    return ("\r\n".join(head) + f"\r\n{body}\r\n--{EDGE}--\r\n").encode()
