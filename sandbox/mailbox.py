"""Catches every e-mail over SMTP, keeps it as a file and shows it; nothing leaves this machine."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.controls import Controls, Order, application
from sandbox.http.pages import definitions, respond
from sandbox.http.requests import Problem

SIZE_LIMIT = 10 * 1024 * 1024
ACCEPTED = "250 OK: kept"
NOT_AVAILABLE = "421 4.3.2 Not available, as ordered"
NO_REPLY = "\x00 this is no reply <<<"
RECEIVED, RECIPIENTS = "X-Mailbox-Received", "X-Mailbox-Recipients"
FRAME = "allow-popups allow-popups-to-escape-sandbox"
HTML_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox {FRAME}"

Document = dict[str, Any]


class Mailbox:
    """The messages in a folder, one .eml file each, numbered in the order they came."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._read: dict[str, Document] = {}
        self._last = max((int(path.stem) for path in self._files()), default=0)
        self.controls = Controls()

    def app(self) -> Starlette:
        """Its web application; orders to fail concern SMTP alone."""
        routes = [
            Route("/", self.front),
            Route("/messages", self.messages),
            Route("/messages", self.empty, methods=["DELETE"]),
            Route("/messages/{id}", self.message),
            Route("/messages/{id}/page", self.message_page),
            Route("/messages/{id}/html", self.message_html),
            Route("/messages/{id}/attachments/{name}", self.attachment),
        ]
        return application(self.controls, routes)

    def keep(self, content: bytes, recipients: list[str]) -> str:
        """Writes a message to its file before the sender hears that it was accepted; gives its id."""
        self._last += 1
        key = f"{self._last:06d}"
        received = datetime.now(UTC).isoformat(timespec="milliseconds")
        head = f"{RECEIVED}: {received}\r\n{RECIPIENTS}: {', '.join(recipients)}\r\n"
        unfinished = self._folder / f"{key}.part"
        unfinished.write_bytes(head.encode() + content)
        unfinished.rename(self._folder / f"{key}.eml")
        return key

    def documents(self) -> list[Document]:
        """Every message, oldest first."""
        return [self._document(path.stem) for path in sorted(self._files(), key=lambda path: int(path.stem))]

    async def messages(self, request: Request) -> Response:
        """Every message, or with `?to=` those to one address."""
        wanted = request.query_params.get("to", "").casefold()
        found = [found for found in self.documents() if not wanted or wanted in map(str.casefold, found["to"])]
        return JSONResponse(found)

    async def empty(self, _request: Request) -> Response:
        """Throws every message away."""
        for path in self._files():
            path.unlink()
        self._read.clear()
        return Response(status_code=204)

    async def message(self, request: Request) -> Response:
        """One message."""
        return JSONResponse(self._find(request))

    async def message_html(self, request: Request) -> Response:
        """Its HTML part as it is, but without a way to run anything; links open a window of their own."""
        html = self._find(request)["html"]
        if html is None:
            raise Problem(404, "This message has no HTML part")
        opened = re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', html, count=1, flags=re.IGNORECASE)
        return Response(opened, media_type="text/html", headers={"Content-Security-Policy": HTML_POLICY})

    async def attachment(self, request: Request) -> Response:
        """One attachment, by its name."""
        name = request.path_params["name"]
        for part in self._parsed(self._find(request)["id"]).iter_attachments():
            if part.get_filename() == name:
                disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
                headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
                return Response(_bytes(part), media_type=part.get_content_type(), headers=headers)
        raise Problem(404, "There is no such attachment")

    async def front(self, _request: Request) -> Response:
        """The messages as a page, newest first."""
        items = "".join(map(_item, reversed(self.documents())))
        return respond("Mailbox", f'<ul class="plain">{items or "<li>No messages yet.</li>"}</ul>')

    async def message_page(self, request: Request) -> Response:
        """One message as a page."""
        found = self._find(request)
        here = f"/messages/{found['id']}"
        facts = {
            "To": ", ".join(found["to"]),
            "From": found["headers"].get("From"),
            "Received": _readable(found["received_at"]),
            "Language": found["language"],
        }
        links = "".join(
            f'<li><a href="{here}/attachments/{quote(name, safe="")}">{escape(name)}</a></li>'
            for name in found["attachments"]
        )
        frame = (
            f'<iframe title="The message" src="{here}/html" sandbox="{FRAME}"></iframe>'
            if found["html"] is not None
            else ""
        )
        body = (
            '<p><a href="/">All messages</a></p>'
            + definitions(facts)
            + (f"<h2>Attachments</h2><ul>{links}</ul>" if links else "")
            + frame
            + f"<h2>As text</h2><pre>{escape(found['text'] or '')}</pre>"
        )
        return respond(found["subject"] or "(no subject)", body)

    def _files(self) -> list[Path]:
        return [path for path in self._folder.glob("*.eml") if path.stem.isdigit()]

    def _parsed(self, key: str) -> EmailMessage:
        content = (self._folder / f"{key}.eml").read_bytes()
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def _document(self, key: str) -> Document:
        if key not in self._read:
            self._read[key] = document(key, self._parsed(key))
        return self._read[key]

    def _find(self, request: Request) -> Document:
        key = request.path_params["id"]
        if not (key.isascii() and key.isdigit() and (self._folder / f"{key}.eml").is_file()):
            raise Problem(404, "There is no such message")
        return self._document(key)


class Reception:
    """aiosmtpd's handler of one connection: accepts mail into the mailbox, or fails as ordered."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._fault: Order | None = None
        self._call: Document = {}

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A message begins: this is the call that an order concerns."""
        self._call = self._mailbox.controls.record("MAIL", "/", {}, {"from": address, "to": []}, None)
        self._fault = self._mailbox.controls.take()
        if self._fault and self._fault.mode != "error":
            return await self._failing(self._fault)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """A recipient: an ordered error is said of them."""
        self._call["body"]["to"].append(address)
        if self._fault:
            status = self._fault.status or 451
            return self._answered(status, f"{status} Refused, as ordered")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The message itself."""
        content = envelope.content
        assert isinstance(content, bytes)
        key = self._mailbox.keep(content, [address for address in envelope.rcpt_tos if address])
        head = message_from_bytes(content, policy=policy.compat32)
        self._call["idempotency_key"] = head["Message-ID"] and str(head["Message-ID"])
        self._call["body"]["id"] = key
        return self._answered(250, ACCEPTED)

    async def _failing(self, fault: Order) -> str:
        if fault.mode == "garbage":
            return self._answered(None, NO_REPLY)
        if fault.mode == "hang":
            await asyncio.sleep(fault.hang_seconds)
        return self._answered(421, NOT_AVAILABLE)

    def _answered(self, status: int | None, reply: str) -> str:
        self._call["status"] = status
        return reply


class Closed(asyncio.Protocol):
    """A mail server that is down as mail servers are: it greets with 421 and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says so and closes."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(f"{NOT_AVAILABLE}\r\n".encode())
        transport.close()


def connections(mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.Protocol]:
    """What asyncio calls for each SMTP connection."""

    def connection() -> asyncio.Protocol:
        if mailbox.controls.current().mode == "down":
            mailbox.controls.take()
            mailbox.controls.record("CONNECT", "/", {}, None, None)["status"] = 421
            return Closed()
        return SMTP(
            Reception(mailbox),
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="mailbox.example.test",
            ident="mailbox",
            loop=loop,
        )

    return connection


def document(key: str, message: EmailMessage) -> Document:
    """A message as GET /messages shows it."""
    recipients = [address for address in str(message[RECIPIENTS] or "").split(", ") if address]
    headers: dict[str, str] = {}
    for name, value in message.items():
        if name not in {RECEIVED, RECIPIENTS}:
            headers[name] = f"{headers[name]}, {value}" if name in headers else str(value)
    return {
        "id": key,
        "to": recipients,
        "subject": headers.get("Subject", ""),
        "language": _language(message),
        "headers": headers,
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "attachments": [given for part in message.iter_attachments() if (given := part.get_filename())],
        "received_at": str(message[RECEIVED] or ""),
    }


def _language(message: EmailMessage) -> str | None:
    # Python's own composer moves Content-… headers to the first part once there are several.
    stated = (part["Content-Language"] for part in message.walk())
    return next((str(language) for language in stated if language), None)


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    charset = part.get_content_charset("utf-8")
    try:
        return _bytes(part).decode(charset, "replace")
    except LookupError:
        return _bytes(part).decode("utf-8", "replace")


def _bytes(part: "Message[Any, Any]") -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _item(found: Document) -> str:
    about = [", ".join(found["to"]), _readable(found["received_at"]), found["language"] or "", *found["attachments"]]
    line = escape(" · ".join(filter(None, about)))
    return (
        f'<li><strong><a href="/messages/{found["id"]}/page">{escape(found["subject"] or "(no subject)")}</a></strong>'
        f"<small>{line}</small></li>"
    )


def _readable(received_at: str) -> str:
    return f"{received_at[:16].replace('T', ' ')} UTC"
