"""A letter goes over real SMTP, and the server's word decides whether it is tried again."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from adapters.answers import LEDGER, watch_answers
from adapters.certificate_signer import make_signing_pair
from adapters.http import Refused, Unavailable
from adapters.mail import Email, Mailer
from domain.shared.documents.bounces import ReturnAddresses, find_letter, make_token
from domain.shared.ids import make_message_id
from tests.adapters.conftest import Peer, everything_said
from tests.support.postbox import Postbox

TO = "ejemplo.consejera@example.org"
PDF = bytes(range(256)) * 40
LETTER = Email(
    to=TO,
    subject="Su certificado está listo – año del plan 2024",
    text="Hola, Consejera:\n\nSu certificado está adjunto.\n",
    html="<p>Hola, <b>Consejera</b>: su certificado está adjunto.</p>",
    language="es",
    message_id="<certificate-1@certification.example.org>",
    reply_to="partners@example.org",
    attachments=(("certificado año 2024.pdf", "application/pdf", PDF),),
)


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def port(postbox: Postbox) -> AsyncIterator[int]:
    async with postbox.listening() as port:
        yield port


def mailer(port: int, *, user: str | None = None, starttls: bool = False, timeout: float = 5.0) -> Mailer:
    sender = "beWellnm <certification@example.org>"
    return Mailer("127.0.0.1", port, user, "password", starttls, sender, timeout)


async def test_a_letter_arrives_whole(port: int, postbox: Postbox) -> None:
    await mailer(port).send_email(LETTER)
    (envelope,) = postbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("certification@example.org", [TO])
    message = postbox.messages()[0]
    assert message["From"] == "beWellnm <certification@example.org>"
    assert message["To"] == TO
    assert message["Subject"] == LETTER.subject
    assert message["Message-ID"] == LETTER.message_id
    assert message["Content-Language"] == "es"
    assert message["Reply-To"] == "partners@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == LETTER.text.splitlines()
    assert html.get_content().strip() == LETTER.html
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "certificado año 2024.pdf"
    assert attachment.get_content_type() == "application/pdf"
    assert attachment.get_content() == PDF


@pytest.mark.parametrize(("reply", "heard"), [("", True), ("550 no such mailbox", True), ("451 later", False)])
async def test_who_watches_hears_of_the_server_s_word_and_not_of_a_later(
    port: int, postbox: Postbox, reply: str, heard: bool
) -> None:
    postbox.on_recipient = reply
    with watch_answers() as answers, suppress(Refused, Unavailable):
        await mailer(port).send_email(LETTER)
    assert answers.heard is heard


async def test_a_letter_without_extras(port: int, postbox: Postbox) -> None:
    await mailer(port).send_email(replace(LETTER, reply_to=None, attachments=()))
    message = postbox.messages()[0]
    assert message["Reply-To"] is None
    assert list(message.iter_attachments()) == []


async def test_a_resend_is_recognised_by_its_message_id(port: int, postbox: Postbox) -> None:
    await mailer(port).send_email(LETTER)
    await mailer(port).send_email(LETTER)
    assert [message["Message-ID"] for message in postbox.messages()] == [LETTER.message_id] * 2


@pytest.mark.parametrize("code", [421, 450, 451, 452])
@pytest.mark.parametrize("stage", ["on_recipient", "on_data"])
async def test_a_temporary_reply_is_tried_again(port: int, postbox: Postbox, stage: str, code: int) -> None:
    setattr(postbox, stage, f"{code} {TO} try later")
    with pytest.raises(Unavailable) as raised:
        await mailer(port).send_email(LETTER)
    assert raised.value.code == "mail_unreachable"
    assert TO not in everything_said(raised.value)


@pytest.mark.parametrize("code", [550, 551, 552, 554])
@pytest.mark.parametrize("stage", ["on_recipient", "on_data"])
async def test_a_permanent_reply_is_not(port: int, postbox: Postbox, stage: str, code: int) -> None:
    setattr(postbox, stage, f"{code} {TO} no such mailbox")
    with pytest.raises(Refused) as raised:
        await mailer(port).send_email(LETTER)
    assert raised.value.code == "mail_refused"
    assert TO not in everything_said(raised.value)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org"]
)
async def test_one_letter_has_one_recipient(port: int, postbox: Postbox, address: str) -> None:
    with pytest.raises(Refused, match="mail_refused"):
        await mailer(port).send_email(replace(LETTER, to=address))
    assert postbox.envelopes == []


async def test_a_subject_adds_no_header(port: int, postbox: Postbox) -> None:
    with pytest.raises(Refused, match="mail_refused"):
        await mailer(port).send_email(replace(LETTER, subject="Hi\r\nBcc: other@example.org"))
    assert postbox.envelopes == []


@pytest.mark.parametrize(
    "subject",
    [
        "Su registro en el Mercado para el año del plan 2027: cómo comenzar",
        "Your registration: how to begin",
        "ñandú " * 30 + "fin",
        "1/2: a question " * 12 + "end",
    ],
)
async def test_p23_a_subject_comes_out_whole_and_is_encoded_word_by_word_with_spaces_between(
    port: int, postbox: Postbox, subject: str
) -> None:
    await mailer(port).send_email(replace(LETTER, subject=subject))
    content = postbox.envelopes[0].content
    assert isinstance(content, bytes)
    header, _, _ = content.partition(b"\r\nDate:")
    lines = header[header.index(b"Subject: ") :].split(b"\r\n")
    assert all(len(line) <= 78 for line in lines)
    assert subject.isascii() or all(re.fullmatch(rb"(Subject:)? =\?utf-8\?[bq]\?[!->@-~]+\?=", line) for line in lines)
    assert postbox.messages()[0]["Subject"] == subject


async def test_a_server_that_takes_no_new_connection_is_down_though_a_kept_one_still_answers(
    postbox: Postbox,
) -> None:
    """What an outage often is: who asked over the kept connection would see nothing of it."""
    async with postbox.listening() as port:
        sender = mailer(port)
        await sender.send_email(LETTER)
        await sender.check_server()
    with pytest.raises(Unavailable, match="mail_unreachable"):
        await sender.check_server()
    await sender.send_email(LETTER)
    assert len(postbox.envelopes) == 2, "the one kept is of use as long as it lasts"


async def test_a_server_that_defers_one_letter_is_not_down(postbox: Postbox) -> None:
    """Else it would be down after each try of that letter, and there again with the next look at the server."""
    LEDGER.take_seen()
    postbox.on_data = "451 later"
    async with postbox.listening() as port:
        with pytest.raises(Unavailable, match="mail_unreachable"):
            await mailer(port).send_email(LETTER)
    seen = LEDGER.take_seen()["mail"]
    assert (seen.failure_code, seen.failed_at is None, seen.silent_since) == ("mail_unreachable", False, None)


# addresses with other letters before the @ (P22)


@pytest.mark.parametrize("carries", [True, False])
async def test_p22_an_address_with_other_letters_goes_where_the_server_carries_it(
    postbox: Postbox, carries: bool
) -> None:
    LEDGER.take_seen()
    async with postbox.listening(carries_letters=carries) as listening:
        sender = mailer(listening)
        await sender.check_server()
        assert LEDGER.take_seen()["mail"].carries_letters is carries
        letter = replace(LETTER, to="josé@example.org")
        if carries:
            await sender.send_email(letter)
        else:
            with pytest.raises(Refused, match="mail_refused"):
                await sender.send_email(letter)
        assert [envelope.rcpt_tos for envelope in postbox.envelopes] == [["josé@example.org"]] * carries
        await sender.send_email(LETTER)
        assert postbox.envelopes[-1].rcpt_tos == [TO]


async def test_p22_letters_in_an_address_make_neither_two_recipients_nor_a_header(postbox: Postbox) -> None:
    async with postbox.listening(carries_letters=True) as listening:
        for address in ("josé@example.org, b@example.org", "josé@example.org\r\nBcc: b@example.org", "josé"):
            with pytest.raises((Refused, Unavailable)):
                await mailer(listening).send_email(replace(LETTER, to=address))
    assert postbox.envelopes == []


# where a letter comes back to (P24)

RETURNS = ReturnAddresses("bounces@example.org", b"a key of the tests")


async def test_p24_each_letter_comes_back_to_an_address_of_its_own(port: int, postbox: Postbox) -> None:
    sender = Mailer("127.0.0.1", port, None, None, False, "certification@example.org", 5.0, RETURNS)
    ids = [make_message_id(f"letter {number}") for number in range(2)]
    for message_id in ids:
        await sender.send_email(replace(LETTER, message_id=message_id))
    addresses = [str(envelope.mail_from) for envelope in postbox.envelopes]
    assert [f"<{find_letter(RETURNS.key, one.encode())}@certification.example>" for one in addresses] == ids
    assert {message["From"] for message in postbox.messages()} == {"certification@example.org"}, "people see one sender"
    assert all(TO not in one and "consejera" not in one for one in addresses)


async def test_p24_a_server_that_knows_of_reports_is_told_what_they_have_to_name() -> None:
    told: list[str] = []

    class Offering(Postbox):
        async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
            self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, offers: list[str]
        ) -> list[str]:
            session.host_name = hostname
            return [*offers[:-1], "250-DSN", offers[-1]]

    class Reporting(SMTP):
        async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
            told.append(str(arg))
            await super().smtp_MAIL(str(arg).partition(" ")[0])

        async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
            told.append(str(arg))
            await super().smtp_RCPT(str(arg).partition(" ")[0])

    postbox = Offering()
    server = await asyncio.get_running_loop().create_server(lambda: Reporting(postbox), "127.0.0.1", 0)
    listening = server.sockets[0].getsockname()[1]
    sender = Mailer("127.0.0.1", listening, None, None, False, "certification@example.org", 5.0, RETURNS)
    message_id = make_message_id("letter")
    await sender.send_email(replace(LETTER, message_id=message_id))
    server.close()
    token = make_token(RETURNS.key, message_id)
    assert told[0].startswith(f"FROM:<bounces+{token}@example.org>")
    assert {"RET=HDRS", f"ENVID={token}"} <= set(told[0].split())
    assert "NOTIFY=FAILURE,DELAY" in told[1].split()
    assert len(postbox.envelopes) == 1


async def test_nobody_listening(unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable, match="mail_unreachable") as raised:
        await mailer(unused_tcp_port).send_email(LETTER)
    assert TO not in everything_said(raised.value)


@pytest.mark.parametrize("greeting", ["", "421 busy\r\n", "554 no service\r\n", "garbage\r\n", "\x00\xff\r\n"])
async def test_a_server_that_does_not_speak_to_us(peer: Peer, greeting: str) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting.encode("latin-1"))
        await writer.drain()

    async with peer(talk) as port:
        with pytest.raises(Unavailable, match="mail_unreachable"):
            await mailer(port).send_email(LETTER)


async def test_silence_is_not_waited_for(peer: Peer) -> None:
    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(talk) as port:
        with pytest.raises(Unavailable, match="mail_unreachable"):
            await mailer(port, timeout=0.3).send_email(LETTER)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_wrong_credentials_heal_when_they_are_mended(postbox: Postbox) -> None:
    def strict() -> SMTP:
        return SMTP(
            postbox,
            authenticator=lambda *_: AuthResult(success=False, handled=False),
            auth_required=True,
            auth_require_tls=False,
        )

    server = await asyncio.get_running_loop().create_server(strict, "127.0.0.1", 0)
    with pytest.raises(Unavailable, match="535"):
        await mailer(server.sockets[0].getsockname()[1], user="exchange").send_email(LETTER)
    server.close()


async def test_a_letter_does_not_go_in_the_clear_where_tls_is_asked_for(port: int, postbox: Postbox) -> None:
    with pytest.raises(Unavailable, match="mail_unreachable"):
        await mailer(port, starttls=True).send_email(LETTER)
    assert postbox.envelopes == []


async def test_nor_to_a_server_whose_certificate_nobody_vouches_for(postbox: Postbox, tmp_path: Path) -> None:
    pair = make_signing_pair(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(postbox, tls_context=context), "127.0.0.1", 0)
    with pytest.raises(Unavailable, match="mail_unreachable"):
        await mailer(server.sockets[0].getsockname()[1], starttls=True).send_email(LETTER)
    server.close()
    assert postbox.envelopes == []


def test_a_letter_keeps_quiet_in_logs() -> None:
    assert TO not in repr(LETTER)


# connections are kept


@pytest.fixture
async def sessions() -> list[SMTP]:
    """The server's side of each connection, in the order in which they were made."""
    return []


@pytest.fixture
async def counting_port(postbox: Postbox, sessions: list[SMTP]) -> AsyncIterator[int]:
    def answer() -> SMTP:
        sessions.append(SMTP(postbox))
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def hang_up(session: SMTP) -> None:
    assert isinstance(session.transport, asyncio.WriteTransport)
    session.transport.close()


async def test_the_next_letter_goes_over_the_same_connection(
    counting_port: int, postbox: Postbox, sessions: list[SMTP]
) -> None:
    sender = mailer(counting_port)
    for number in range(3):
        await sender.send_email(replace(LETTER, to=f"{number}@example.org"))
    assert [envelope.rcpt_tos for envelope in postbox.envelopes] == [[f"{number}@example.org"] for number in range(3)]
    assert len(sessions) == 1


async def test_letters_at_the_same_time_have_a_connection_each(
    counting_port: int, postbox: Postbox, sessions: list[SMTP]
) -> None:
    sender, both = mailer(counting_port), asyncio.Barrier(2)

    async def wait_for_the_other() -> None:
        await both.wait()

    postbox.meanwhile = wait_for_the_other
    await asyncio.gather(sender.send_email(LETTER), sender.send_email(LETTER))
    assert len(postbox.envelopes) == len(sessions) == 2


async def test_a_connection_that_the_server_closed_costs_no_letter(
    counting_port: int, postbox: Postbox, sessions: list[SMTP]
) -> None:
    sender = mailer(counting_port)
    await sender.send_email(LETTER)
    hang_up(sessions[0])
    await sender.send_email(LETTER)
    assert len(postbox.envelopes) == len(sessions) == 2


@pytest.mark.parametrize("reply", ["421 4.3.2 closing", "451 ask later", "garbage"])
async def test_nor_does_one_that_answers_strangely(
    counting_port: int, postbox: Postbox, sessions: list[SMTP], reply: str
) -> None:
    sender = mailer(counting_port)
    await sender.send_email(LETTER)
    postbox.on_noop = reply
    await sender.send_email(LETTER)
    assert len(postbox.envelopes) == len(sessions) == 2


async def test_a_connection_over_which_a_letter_was_refused_is_not_kept(
    counting_port: int, postbox: Postbox, sessions: list[SMTP]
) -> None:
    sender = mailer(counting_port)
    postbox.on_data = "550 no"
    with pytest.raises(Refused):
        await sender.send_email(LETTER)
    postbox.on_data = ""
    await sender.send_email(LETTER)
    assert len(postbox.envelopes) == 1
    assert len(sessions) == 2
