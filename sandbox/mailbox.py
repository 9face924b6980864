"""Catches every e-mail over SMTP, keeps it as a file and shows it; nothing leaves this machine."""

import asyncio
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import Header
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

from sandbox.bounces import BounceOrder, BounceReporter, write_bounce
from sandbox.http.application import build_application
from sandbox.http.controls import Controls, FaultOrder
from sandbox.http.pages import render_definitions, render_link, render_list, respond_with_page
from sandbox.http.problems import Problem
from sandbox.http.requests import read_body
from sandbox.store import Document

SIZE_LIMIT = 10 * 1024 * 1024
ACCEPTED = "250 OK: kept"
NOT_AVAILABLE = "421 4.3.2 Not available, as ordered"
UNREADABLE_REPLY = "\x00 this is no reply <<<"
RECEIVED, RECIPIENTS, SENDER = "X-Mailbox-Received", "X-Mailbox-Recipients", "X-Mailbox-Sender"
FRAME_PERMISSIONS = "allow-popups allow-popups-to-escape-sandbox"
HTML_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox {FRAME_PERMISSIONS}"


class Mailbox:
    """The messages in a folder, one .eml file each, numbered in the order they came."""

    def __init__(self, folder: Path, reporter: BounceReporter) -> None:
        self._folder = folder
        self._reporter = reporter
        folder.mkdir(parents=True, exist_ok=True)
        self._documents: dict[str, Document] = {}
        self._last_number = max((int(path.stem) for path in self._list_files()), default=0)
        self.controls = Controls()

    def build_app(self) -> Starlette:
        """Its web application; orders to fail concern SMTP alone."""
        routes = [
            Route("/", self.show_front_page),
            Route("/messages", self.list_messages),
            Route("/messages", self.delete_messages, methods=["DELETE"]),
            Route("/messages/{id}", self.show_message),
            Route("/messages/{id}/bounce", self.return_message, methods=["POST"]),
            Route("/messages/{id}/page", self.show_message_page),
            Route("/messages/{id}/html", self.show_html_part),
            Route("/messages/{id}/attachments/{name}", self.download_attachment),
        ]
        return build_application(self.controls, routes)

    def save_message(self, content: bytes, sender: str, recipients: list[str]) -> str:
        """Writes a message to its file and gives its id; only then does the sender hear that it was accepted."""
        self._last_number += 1
        key = f"{self._last_number:06d}"
        received = datetime.now(UTC).isoformat(timespec="milliseconds")
        to = ", ".join(recipients)
        # As plain text: in a file of bytes other letters would be nobody's.
        to = to if to.isascii() else Header(to, "utf-8", maxlinelen=sys.maxsize).encode()
        head = f"{RECEIVED}: {received}\r\n{RECIPIENTS}: {to}\r\n{SENDER}: {sender}\r\n"
        # Written under another name first: a process killed half-way leaves no half message behind.
        unfinished = self._folder / f"{key}.part"
        unfinished.write_bytes(head.encode() + content)
        unfinished.rename(self._folder / f"{key}.eml")
        return key

    def read_messages(self) -> list[Document]:
        """Every message, oldest first."""
        return [self._read_document(path.stem) for path in sorted(self._list_files(), key=lambda path: int(path.stem))]

    async def list_messages(self, request: Request) -> Response:
        """Every message, or with `?to=` those to one address."""
        wanted = request.query_params.get("to", "").casefold()
        found = [found for found in self.read_messages() if not wanted or wanted in map(str.casefold, found["to"])]
        return JSONResponse(found)

    async def delete_messages(self, _request: Request) -> Response:
        """Deletes every message."""
        for path in self._list_files():
            path.unlink()
        self._documents.clear()
        return Response(status_code=204)

    async def show_message(self, request: Request) -> Response:
        """One message."""
        return JSONResponse(self._find_message(request))

    async def return_message(self, request: Request) -> Response:
        """Reports to the exchange that a message came back, or is late; answers the report itself."""
        found, order = self._find_message(request), await read_body(request, BounceOrder)
        raw = self._parse_file(found["id"])
        headers = "".join(f"{name}: {value}\r\n" for name, value in found["headers"].items())
        report = write_bounce(order, str(raw[SENDER] or ""), ", ".join(found["to"]), headers)
        status = await self._reporter.send_report(report)
        told = {"X-Exchange-Status": str(status)} if status else {}
        return Response(report, media_type="message/rfc822", headers=told)

    async def show_html_part(self, request: Request) -> Response:
        """A message's HTML part, under a policy that lets nothing in it run; links open a window of their own."""
        html = self._find_message(request)["html"]
        if html is None:
            raise Problem(404, "This message has no HTML part")
        opened = re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', html, count=1, flags=re.IGNORECASE)
        return Response(opened, media_type="text/html", headers={"Content-Security-Policy": HTML_POLICY})

    async def download_attachment(self, request: Request) -> Response:
        """One attachment, by its name."""
        name = request.path_params["name"]
        for part in self._parse_file(self._find_message(request)["id"]).iter_attachments():
            if part.get_filename() == name:
                disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
                headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
                return Response(_decode_payload(part), media_type=part.get_content_type(), headers=headers)
        raise Problem(404, "There is no such attachment")

    async def show_front_page(self, _request: Request) -> Response:
        """The messages as a page, newest first."""
        items = map(_render_item, reversed(self.read_messages()))
        return respond_with_page("Mailbox", render_list(items, "No messages yet."))

    async def show_message_page(self, request: Request) -> Response:
        """One message as a page."""
        found = self._find_message(request)
        here = f"/messages/{found['id']}"
        facts = {
            "To": ", ".join(found["to"]),
            "From": found["headers"].get("From"),
            "Received": _format_received(found["received_at"]),
            "Language": found["language"],
        }
        links = "".join(
            f'<li><a href="{here}/attachments/{quote(name, safe="")}">{escape(name)}</a></li>'
            for name in found["attachments"]
        )
        frame = (
            f'<iframe title="The message" src="{here}/html" sandbox="{FRAME_PERMISSIONS}"></iframe>'
            if found["html"] is not None
            else ""
        )
        body = (
            '<p><a href="/">All messages</a></p>'
            + render_definitions(facts)
            + (f"<h2>Attachments</h2><ul>{links}</ul>" if links else "")
            + frame
            + f"<h2>As text</h2><pre>{escape(found['text'] or '')}</pre>"
        )
        return respond_with_page(found["subject"] or "(no subject)", body)

    def _list_files(self) -> list[Path]:
        return [path for path in self._folder.glob("*.eml") if path.stem.isdigit()]

    def _parse_file(self, key: str) -> EmailMessage:
        content = (self._folder / f"{key}.eml").read_bytes()
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def _read_document(self, key: str) -> Document:
        if key not in self._documents:
            self._documents[key] = describe_message(key, self._parse_file(key))
        return self._documents[key]

    def _find_message(self, request: Request) -> Document:
        key = request.path_params["id"]
        if not (key.isascii() and key.isdigit() and (self._folder / f"{key}.eml").is_file()):
            raise Problem(404, "There is no such message")
        return self._read_document(key)


class MailHandler:
    """aiosmtpd's handler of one connection: accepts mail into the mailbox, or fails as ordered."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._fault: FaultOrder | None = None
        self._call: Document = {}

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A message begins: this is what /calls counts as a call, and what an order to fail is about."""
        self._call = self._mailbox.controls.record_call("MAIL", "/", {}, {"from": address, "to": []}, None)
        self._fault = self._mailbox.controls.take_fault()
        if self._fault and self._fault.mode != "error":
            return await self._fail_as_ordered(self._fault)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """A recipient: an ordered error refuses each of them."""
        self._call["body"]["to"].append(address)
        if self._fault:
            status = self._fault.status or 451
            return self._record_reply(status, f"{status} Refused, as ordered")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The message itself."""
        content = envelope.content
        assert isinstance(content, bytes)
        recipients = [address for address in envelope.rcpt_tos if address]
        key = self._mailbox.save_message(content, envelope.mail_from or "", recipients)
        head = message_from_bytes(content, policy=policy.compat32)
        self._call["idempotency_key"] = head["Message-ID"] and str(head["Message-ID"])
        self._call["body"]["id"] = key
        return self._record_reply(250, ACCEPTED)

    async def _fail_as_ordered(self, fault: FaultOrder) -> str:
        if fault.mode == "garbage":
            return self._record_reply(None, UNREADABLE_REPLY)
        if fault.mode == "hang":
            await asyncio.sleep(fault.hang_seconds)
        return self._record_reply(421, NOT_AVAILABLE)

    def _record_reply(self, status: int | None, reply: str) -> str:
        self._call["status"] = status
        return reply


class UnavailableMailServer(asyncio.Protocol):
    """A mail server that is out of order: it greets with 421 and hangs up (RFC 5321, 3.8)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets with the refusal and hangs up."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(f"{NOT_AVAILABLE}\r\n".encode())
        transport.close()


def build_connection_factory(mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.Protocol]:
    """What asyncio calls for each SMTP connection."""

    def open_connection() -> asyncio.Protocol:
        if mailbox.controls.read_order().mode == "down":
            mailbox.controls.take_fault()
            mailbox.controls.record_call("CONNECT", "/", {}, None, None)["status"] = 421
            return UnavailableMailServer()
        return SMTP(
            MailHandler(mailbox),
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="mailbox.example.test",
            ident="mailbox",
            loop=loop,
        )

    return open_connection


def describe_message(key: str, message: EmailMessage) -> Document:
    """A message as GET /messages shows it."""
    recipients = [address for address in str(message[RECIPIENTS] or "").split(", ") if address]
    headers: dict[str, str] = {}
    for name, value in message.items():
        if name not in {RECEIVED, RECIPIENTS, SENDER}:
            headers[name] = f"{headers[name]}, {value}" if name in headers else str(value)
    return {
        "id": key,
        "to": recipients,
        "subject": headers.get("Subject", ""),
        "language": _find_language(message),
        "headers": headers,
        "text": _decode_body(message, "plain"),
        "html": _decode_body(message, "html"),
        "attachments": [given for part in message.iter_attachments() if (given := part.get_filename())],
        "received_at": str(message[RECEIVED] or ""),
    }


def _find_language(message: EmailMessage) -> str | None:
    # Python's own composer moves Content-… headers to the first part once there are several.
    stated = (part["Content-Language"] for part in message.walk())
    return next((str(language) for language in stated if language), None)


def _decode_body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    charset = part.get_content_charset("utf-8")
    try:
        return _decode_payload(part).decode(charset, "replace")
    except LookupError:
        return _decode_payload(part).decode("utf-8", "replace")


def _decode_payload(part: "Message[Any, Any]") -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _render_item(found: Document) -> str:
    about = [
        ", ".join(found["to"]),
        _format_received(found["received_at"]),
        found["language"] or "",
        *found["attachments"],
    ]
    subject = found["subject"] or "(no subject)"
    return render_link(f"/messages/{found['id']}/page", subject, " · ".join(filter(None, about)))


def _format_received(received_at: str) -> str:
    return f"{received_at[:16].replace('T', ' ')} UTC"
