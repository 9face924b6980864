"""The mailbox: real SMTP in, files on disk, JSON and pages out, and mail servers that fail."""

import asyncio
import time
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path

import aiosmtplib
import httpx2
import pytest

from tests.sandbox.conftest import order_fault
from tests.support.patience import PATIENCE
from tests.support.sandbox_process import RunningSandbox, start_sandbox


def build_message(to: str = "testa@example.com", subject: str = "Su solicitud: ñandú") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "exchange@example.test"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<key-1@example.test>"
    message.set_content("Hola, Testa")
    message.add_alternative("<html><head></head><body><p>Hola, <b>Testa</b></p></body></html>", subtype="html")
    message.add_attachment(b"%PDF-1.7 made up", maintype="application", subtype="pdf", filename="certificate.pdf")
    message["Content-Language"] = "es"
    return message


async def send_message(sandbox: RunningSandbox, message: EmailMessage, timeout: float = 10) -> None:
    await aiosmtplib.send(message, hostname="127.0.0.1", port=sandbox.smtp_port, timeout=timeout)


async def test_a_message_is_shown_as_it_was_sent(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await send_message(sandbox, build_message())
    await send_message(sandbox, build_message("second@example.com", "Later"))
    first, second = (await http.get(f"{sandbox.mailbox}/messages")).json()
    assert (first["to"], first["subject"], first["language"]) == (["testa@example.com"], "Su solicitud: ñandú", "es")
    assert first["headers"]["Message-ID"] == "<key-1@example.test>"
    assert first["text"].strip() == "Hola, Testa"
    assert "<b>Testa</b>" in first["html"]
    assert first["attachments"] == ["certificate.pdf"]
    assert second["subject"] == "Later"
    assert (await http.get(f"{sandbox.mailbox}/messages/{first['id']}")).json() == first
    to_second = await http.get(f"{sandbox.mailbox}/messages", params={"to": "Second@example.com"})
    assert [each["id"] for each in to_second.json()] == [second["id"]]
    attached = await http.get(f"{sandbox.mailbox}/messages/{first['id']}/attachments/certificate.pdf")
    assert (attached.content, attached.headers["content-type"]) == (b"%PDF-1.7 made up", "application/pdf")
    call = (await http.get(f"{sandbox.mailbox}/calls")).json()[0]
    assert (call["method"], call["status"], call["idempotency_key"]) == ("MAIL", 250, "<key-1@example.test>")


async def test_a_messages_html_can_run_nothing(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    message = build_message(subject="<script>alert(1)</script>")
    await send_message(sandbox, message)
    found = (await http.get(f"{sandbox.mailbox}/messages")).json()[0]
    html = await http.get(f"{sandbox.mailbox}/messages/{found['id']}/html")
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert "allow-scripts" not in html.headers["content-security-policy"]
    page = await http.get(f"{sandbox.mailbox}/messages/{found['id']}/page")
    assert "<script>" not in page.text
    assert 'sandbox="' in page.text
    assert "<script>" not in (await http.get(sandbox.mailbox)).text


async def test_what_is_not_there_is_404(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    for path in ("999999", "..%2Fx", "999999/html", "999999/page", "999999/attachments/x"):
        assert (await http.get(f"{sandbox.mailbox}/messages/{path}")).status_code == 404
    await send_message(sandbox, build_message())
    found = (await http.get(f"{sandbox.mailbox}/messages")).json()[0]
    assert (await http.get(f"{sandbox.mailbox}/messages/{found['id']}/attachments/other.pdf")).status_code == 404
    assert (await http.delete(f"{sandbox.mailbox}/messages")).status_code == 204
    assert (await http.get(f"{sandbox.mailbox}/messages")).json() == []


async def test_messages_survive_a_restart(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    first = start_sandbox(tmp_path / "mailbox", "http://127.0.0.1:9")
    await send_message(first, build_message())
    assert first.stop_process() == 0
    second = start_sandbox(tmp_path / "mailbox", "http://127.0.0.1:9")
    try:
        await send_message(second, build_message(subject="After"))
        subjects = [each["subject"] for each in (await http.get(f"{second.mailbox}/messages")).json()]
        assert subjects == ["Su solicitud: ñandú", "After"]
    finally:
        second.stop_process()


async def test_a_server_that_is_down_says_421_and_closes(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.mailbox, mode="down", times=1)
    with pytest.raises(aiosmtplib.SMTPException) as refused:
        await send_message(sandbox, build_message())
    assert "421" in str(refused.value) or getattr(refused.value, "code", None) == 421
    await send_message(sandbox, build_message())
    assert len((await http.get(f"{sandbox.mailbox}/messages")).json()) == 1


@pytest.mark.parametrize(("status", "code"), [(None, 451), (550, 550), (452, 452)])
async def test_a_recipient_is_refused_as_ordered(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, status: int | None, code: int
) -> None:
    await order_fault(http, sandbox.mailbox, mode="error", times=1, **({"status": status} if status else {}))
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await send_message(sandbox, build_message())
    assert [each.code for each in refused.value.recipients] == [code]
    await send_message(sandbox, build_message())
    assert [call["status"] for call in (await http.get(f"{sandbox.mailbox}/calls")).json()] == [code, 250]


async def test_a_message_comes_back_when_it_is_ordered(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await aiosmtplib.send(
        build_message(), sender="bounces+token@example.test", hostname="127.0.0.1", port=sandbox.smtp_port
    )
    (found,) = (await http.get(f"{sandbox.mailbox}/messages")).json()
    bounce = f"{sandbox.mailbox}/messages/{found['id']}/bounce"
    answer = await http.post(bounce, json={"action": "delayed", "status": "4.4.1"})
    assert answer.headers["content-type"] == "message/rfc822"
    report = message_from_bytes(answer.content)
    assert report["To"] == "bounces+token@example.test"
    assert report.get_content_type() == "multipart/report"
    (status,) = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
    blocks = status.get_payload()
    assert isinstance(blocks, list)
    block = blocks[1]
    assert isinstance(block, Message)
    assert (block["Action"], block["Status"]) == ("delayed", "4.4.1")
    assert b"<key-1@example.test>" in answer.content
    assert (await http.post(bounce, json={"status": "2.0.0"})).status_code == 422
    assert (await http.post(f"{sandbox.mailbox}/messages/999999/bounce", json={})).status_code == 404


async def test_a_server_that_hangs(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.mailbox, mode="hang", seconds=30, times=1)
    begun = time.monotonic()
    with pytest.raises(aiosmtplib.SMTPTimeoutError):
        await send_message(sandbox, build_message(), timeout=0.5)
    assert time.monotonic() - begun < 20
    await order_fault(http, sandbox.mailbox, mode="hang", seconds=0.1, times=1)
    with pytest.raises(aiosmtplib.SMTPException):
        await send_message(sandbox, build_message())
    await asyncio.wait_for(send_message(sandbox, build_message()), PATIENCE)


async def test_a_server_that_talks_garbage(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    await order_fault(http, sandbox.mailbox, mode="garbage", times=1)
    with pytest.raises(aiosmtplib.SMTPException):
        await send_message(sandbox, build_message())
    assert (await http.get(f"{sandbox.mailbox}/messages")).json() == []
