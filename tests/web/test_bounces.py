"""A letter that the mail server took comes back an hour later: sent over real SMTP, reported over HTTP (P24)."""

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select

from adapters.mail import Email, Mailer
from db.case_state import list_flags, list_rows, load_case
from db.house_tables import ReturnedLetter
from db.tables import AuditRow, EffectRow
from db.writes.cases import clear_flag
from domain.shared.documents.bounces import ReturnAddresses
from domain.shared.ids import make_message_id
from tests.support import documents
from tests.support.postbox import Postbox
from tests.support.sending import send_report
from tests.support.tables import add_rows, make_kept_letter
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_operations import PAGE, metrics
from web.http.permissions import StaffRole

SAMPLES = Path(__file__).parent.parent / "fixtures" / "bounces"
WHO = "testa@example.com"


async def send_letter(house: House, case_id: str, number: int = 0) -> str:
    """A notice of a case goes out over SMTP and is kept; the address it was sent from."""
    postbox, key, now = Postbox(), f"{case_id}:notice.request_received:{number}", datetime.now(UTC)
    message_id = make_message_id(key)
    returns = ReturnAddresses("bounces@example.org", house.services.settings.identity_key_bytes)
    async with postbox.listening() as port:
        mailer = Mailer("127.0.0.1", port, None, None, False, "certification@example.org", returns=returns)
        await mailer.send_email(Email(WHO, "Received", "Hello", "<p>Hello</p>", "en", message_id))
    effect = EffectRow(key=key, case_id=case_id, kind="notice.request_received", data={}, intended_at=now, done_at=now)
    await house.database.write(add_rows, effect, make_kept_letter(case_id, key, now))
    return str(postbox.envelopes[0].mail_from)


def write_report(address: str, sample: str = "postfix-failed") -> bytes:
    token = address.partition("@")[0].rpartition("+")[2]
    return (SAMPLES / f"{sample}.eml").read_bytes().replace(b"@TOKEN@", token.encode())


async def report(house: House, body: bytes) -> tuple[int, str]:
    answer = await send_report(house.browser, "mail", "/webhooks/mail", body, **{"content-type": "message/rfc822"})
    return answer.status_code, answer.json().get("status")


async def list_flagged(house: House, case_id: str) -> set[str]:
    return set(list_flags(await house.database.read(load_case, case_id)))


async def list_audited(house: House, case_id: str) -> list[AuditRow]:
    rows = await house.database.read(list_rows, select(AuditRow))
    return [one for one in rows if one.case_id == case_id and one.action.startswith(("mail.", "case.flagged"))]


async def test_p24_a_letter_that_comes_back_flags_its_case_as_a_refusal_does_and_once(house: House) -> None:
    case_id = await house.open(documents.broker())
    address = await send_letter(house, case_id)
    assert WHO.partition("@")[0] not in address
    assert await report(house, write_report(address)) == (202, "stored")
    assert await list_flagged(house, case_id) == {"mail_refused"}
    returned, flagged = await list_audited(house, case_id)
    assert (returned.action, returned.actor) == ("mail.returned", "sender:mail")
    assert returned.details == {"notice": "request_received", "status": "5.1.1"}
    assert flagged.action == "case.flagged.mail_refused"
    await house.database.write(clear_flag, case_id, "mail_refused", "staff:ana", "called them", datetime.now(UTC))
    for again in ("postfix-failed", "exchange-failed", "postfix-delayed"):
        assert await report(house, write_report(address, again)) == (202, "repeated")
    assert await list_flagged(house, case_id) == set(), "what staff have looked at isn't put before them again"
    assert len(await list_audited(house, case_id)) == 2
    second = await send_letter(house, case_id, 1)
    assert await report(house, write_report(second, "exchange-failed")) == (202, "stored")
    assert await list_flagged(house, case_id) == {"mail_refused"}


async def test_p24_a_delay_is_counted_and_flags_nothing_until_the_letter_comes_back(house: House) -> None:
    case_id = await house.open(documents.broker())
    address = await send_letter(house, case_id)
    assert await report(house, write_report(address, "postfix-delayed")) == (202, "stored")
    assert await report(house, write_report(address, "postfix-delayed")) == (202, "repeated")
    assert await list_flagged(house, case_id) == set()
    found = await metrics(house)
    assert found['certify_letters_returned{how="delayed"}'] == 1
    assert found['certify_letters_returned{how="returned"}'] == 0
    await house.sign_in(StaffRole.OPERATOR)
    assert "1 more is late" in read(await house.browser.get(PAGE)).text
    assert await report(house, write_report(address, "given-up")) == (202, "stored")
    assert await list_flagged(house, case_id) == {"mail_refused"}
    found = await metrics(house)
    assert found['certify_letters_returned{how="delayed"}'] == 0
    assert found['certify_letters_returned{how="returned"}'] == 1


async def test_p24_what_is_forged_or_about_nobody_changes_nothing(house: House) -> None:
    case_id = await house.open(documents.broker())
    address = await send_letter(house, case_id)
    forged = address[:-20] + ("a" if address[-20] != "a" else "b") + address[-19:]
    for body, answer in (
        (write_report(forged), (202, "unknown")),
        (write_report("bounces@example.org"), (202, "unknown")),
        (write_report(address, "out-of-office"), (202, "ignored")),
        (write_report(address, "delivered"), (202, "ignored")),
        (b"Subject: hello\r\n\r\nHow do I change my address?", (422, 422)),
        (b"", (422, 422)),
        (json.dumps({"to": address}).encode(), (422, 422)),
        (write_report(address) + b"x" * 300_000, (413, 413)),
    ):
        assert await report(house, body) == answer
    unsigned = await house.browser.post("/webhooks/mail", content=write_report(address))
    assert unsigned.status_code == 401
    other = await send_report(house.browser, "portal-look-up", "/webhooks/mail", write_report(address))
    assert other.status_code == 403
    assert await list_flagged(house, case_id) == set()
    assert await house.database.read(list_rows, select(ReturnedLetter)) == []


async def test_p24_a_letter_about_no_case_is_counted(house: House) -> None:
    key = house.services.settings.identity_key_bytes
    address = ReturnAddresses("bounces@example.org", key).make_address(make_message_id("a-code:1"))
    assert await report(house, write_report(address)) == (202, "stored")
    assert (await metrics(house))['certify_letters_returned{how="returned"}'] == 1


async def test_p24_staff_see_which_letter_came_back_when_and_why(house: House) -> None:
    case_id = await house.open(documents.broker())
    await report(house, write_report(await send_letter(house, case_id)))
    await report(house, write_report(await send_letter(house, case_id, 1), "postfix-delayed"))
    await house.sign_in()
    text = read(await house.browser.get(f"/staff/cases/{case_id}")).text
    for said in ("E-mail refused by the mail server", "E-mail came back as undeliverable", "Came back", "5.1.1"):
        assert said in text
    assert "Late" in text
    assert "The address is wrong." in text
    assert "Their mail system can't be reached." in text
    assert "Came back" in read(await house.browser.get(f"/staff/cases/{case_id}/mails/1")).text
    await house.sign_in(StaffRole.OPERATOR)
    page = await house.browser.get(PAGE)
    assert "Letters that came back in a day" in read(page).text
    assert WHO not in page.text
