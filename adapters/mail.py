"""Sends one e-mail by SMTP, given whole; it writes none."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from typing import Any

import aiosmtplib

from adapters.answers import LEDGER, note_answer
from adapters.http import Deferred, Refused, Unavailable, record_call
from domain.shared.documents.bounces import ReturnAddresses, make_token
from domain.shared.third_parties import CallsSeen

SERVICE = "mail"
UNREACHABLE = "mail_unreachable"
REFUSED = "mail_refused"
# Connections that are kept for the next letter. A log-in over TLS takes longer than a letter.
KEPT = 8
# A server that is asked whether it is still there answers at once, or it isn't.
ALIVE_SECONDS = 1.0
# For a connection and a greeting: a server that takes longer is down for whoever looks, within half a minute.
CHECK_SECONDS = 10.0


class SubjectHeader(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc]  # as the library itself joins them
    """A subject that is encoded whole where a letter of it must be.

    The library encodes single words, and some releases of Python then leave no space between two of them, which some
    servers refuse and some readers show joined (P23).
    """

    def fold(self, *, policy: Policy) -> str:
        """The header's lines, each with its line end."""
        return f"{self.name}: {Header(str(self), header_name=self.name).encode(linesep=policy.linesep)}{policy.linesep}"


class HeaderClasses(HeaderRegistry):
    """The class of each header by its name. The library makes one anew for every header of every message, which takes
    almost half of the time in which a message is built."""

    def __init__(self) -> None:
        super().__init__()
        self.map_to_type("subject", SubjectHeader)
        self._made: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        return self._made.get(name) or self._made.setdefault(name, super().__getitem__(name))


POLICY = EmailPolicy(header_factory=HeaderClasses())


@dataclass(frozen=True, repr=False)
class Email:
    """One e-mail to one person, in `language` ("en", "es"); `message_id` with its angle brackets.

    `attachments` are (file name, MIME type, content).
    """

    to: str
    subject: str
    text: str
    html: str
    language: str
    message_id: str
    reply_to: str | None = None
    attachments: tuple[tuple[str, str, bytes], ...] = ()


class Mailer:
    """A mail server we hand letters to; no `user` means no log-in, `timeout` (seconds) bounds one letter.

    `returns` are the addresses that letters come back to when they can't be delivered; without them it is `sender`'s.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str | None,
        password: str | None,
        starttls: bool,
        sender: str,
        timeout: float = 30.0,
        returns: ReturnAddresses | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user or None
        self._password = password or None
        self._starttls = starttls
        self._sender = sender
        self._timeout = timeout
        self._returns = returns
        self._resting: list[aiosmtplib.SMTP] = []

    async def send_email(self, letter: Email) -> None:
        """Hands the letter over. Raises Refused("mail_refused") if the server refuses this letter or its recipient
        for good, Unavailable("mail_unreachable") for everything else that goes wrong."""
        try:
            message = self._build_message(letter)
        except (MessageError, ValueError, IndexError):  # an IndexError: an empty address
            raise Refused(REFUSED, "the letter can't be put into a message") from None
        with record_call(SERVICE):
            await self._send_message(message)

    async def check_server(self) -> None:
        """Asks the server whether it is there, and sends nothing. Raises Unavailable("mail_unreachable").

        Nobody else would find out while no letter is due: then the first one that somebody waits for comes too late.
        Over a connection of its own: a server that turns everybody away still answers who has been there before.
        """
        with record_call(SERVICE):
            try:
                async with asyncio.timeout(min(self._timeout, CHECK_SECONDS)):
                    connection = await self._connect()
            except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
                raise Unavailable(UNREACHABLE, type(error).__name__) from None
            _note_what_it_carries(connection)
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.quit(timeout=ALIVE_SECONDS)
            connection.close()

    async def _send_message(self, message: EmailMessage) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._hand_over(message)
            note_answer()
        except aiosmtplib.SMTPNotSupported:
            raise Refused(REFUSED, "the server can't carry this address") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _translate_reply(error.recipients[0]) from None
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPRecipientRefused) as error:
            raise _translate_reply(error) from None
        except aiosmtplib.SMTPResponseException as error:
            raise Unavailable(UNREACHABLE, f"answered {error.code}") from None
        except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
            raise Unavailable(UNREACHABLE, type(error).__name__) from None

    async def _hand_over(self, message: EmailMessage) -> None:
        """Sends a message over a connection that nobody else uses meanwhile, and which is kept when all went well."""
        connection = await self._find_live_connection() or await self._connect()
        try:
            await connection.send_message(message, **self._choose_envelope(connection, str(message["Message-ID"])))
        except BaseException:  # a cancellation too: who knows what the server is still going to say
            connection.close()
            raise
        self._keep_connection(connection)

    def _choose_envelope(self, connection: aiosmtplib.SMTP, message_id: str) -> dict[str, Any]:
        """Where the letter comes back to, and what its report has to name where the server knows of such (RFC 3461).

        What comes back is the letter's head alone then: nobody needs its text once more.
        """
        if self._returns is None:
            return {}
        token, envelope = make_token(self._returns.key, message_id), {"sender": self._returns.make_address(message_id)}
        if not token or not connection.supports_extension("dsn"):
            return envelope
        return envelope | {
            "mail_options": ["RET=HDRS", f"ENVID={token}"],
            "rcpt_options": ["NOTIFY=FAILURE,DELAY"],
        }

    def _keep_connection(self, connection: aiosmtplib.SMTP) -> None:
        _note_what_it_carries(connection)
        if len(self._resting) < KEPT:
            self._resting.append(connection)
        else:
            connection.close()

    async def _find_live_connection(self) -> aiosmtplib.SMTP | None:
        """A kept connection that still answers; servers close those that rest for long."""
        while self._resting:
            connection = self._resting.pop()
            try:
                await connection.noop(timeout=ALIVE_SECONDS)
            except (aiosmtplib.SMTPException, OSError):
                connection.close()
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        return None

    async def _connect(self) -> aiosmtplib.SMTP:
        connection = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            start_tls=self._starttls,
            timeout=self._timeout,
        )
        await connection.connect()
        try:
            await _greet_server(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _build_message(self, letter: Email) -> EmailMessage:
        message = EmailMessage(POLICY)
        message["From"] = self._sender
        # As one address: a comma in it must not make two recipients.
        message["To"] = _build_address(letter.to)
        message["Subject"] = letter.subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = letter.message_id
        # Out-of-office replies are not sent to such a message (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        if letter.reply_to:
            message["Reply-To"] = Address(addr_spec=letter.reply_to)
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        for name, mime, content in letter.attachments:
            maintype, _, subtype = mime.partition("/")
            message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
        # Last, since adding a part moves every Content-* header into the first part.
        message["Content-Language"] = letter.language
        return message


def _note_what_it_carries(connection: aiosmtplib.SMTP) -> None:
    LEDGER.add_seen({SERVICE: CallsSeen(carries_letters=connection.supports_extension("smtputf8"))})


async def _greet_server(connection: aiosmtplib.SMTP) -> None:
    """Says hello where logging in didn't, so that it is known what the server offers; old ones know no other hello."""
    if not connection.is_ehlo_or_helo_needed:
        return
    try:
        await connection.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not connection.is_connected:
            raise
        await connection.helo()


def _build_address(text: str) -> Address:
    """An address with other letters before its @ has to be put together: as a whole the library takes none (P22)."""
    plain = Address(addr_spec=text.encode("ascii", "replace").decode())  # which refuses what is no single address
    if text.isascii():
        return plain
    local, _, domain = text.rpartition("@")
    return Address(username=local, domain=domain)


def _translate_reply(error: aiosmtplib.SMTPResponseException) -> Refused | Unavailable:
    """Of the server's word on this letter, only 5xx is final (RFC 5321, 4.2.1)."""
    detail = f"answered {error.code}"
    if not 500 <= error.code <= 599:
        return Deferred(UNREACHABLE, detail)  # of this letter: others may go through meanwhile
    note_answer()
    return Refused(REFUSED, detail)
