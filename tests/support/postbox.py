"""A mail server in the test's own process: it keeps what it gets, and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session


class Postbox:
    """An aiosmtpd handler; ``on_recipient``, ``on_data`` and ``on_noop`` are replies in place of the friendly ones.

    ``meanwhile`` happens after a message came, and before the sender hears of it.
    """

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.on_recipient = self.on_data = self.on_noop = ""
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not self.on_recipient:
            envelope.rcpt_tos.append(address)
        return self.on_recipient or "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if not self.on_data:
            self.envelopes.append(envelope)
        if self.meanwhile:
            await self.meanwhile()
        return self.on_data or "250 OK"

    async def handle_NOOP(self, _server: SMTP, _session: Session, _envelope: Envelope, _argument: str) -> str:  # noqa: N802
        return self.on_noop or "250 OK"

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(cast(bytes, envelope.content), policy=default) for envelope in self.envelopes]

    @asynccontextmanager
    async def listening(self, *, carries_letters: bool = False) -> AsyncIterator[int]:
        """Its port, for the time of a block; ``carries_letters``: it offers SMTPUTF8."""
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, enable_SMTPUTF8=carries_letters), "127.0.0.1", 0
        )
        yield server.sockets[0].getsockname()[1]
        server.close()
