"""A mistyped e-mail address that staff correct on the phone, by the code that was sent to the new one (D1, D6)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, load_case
from db.own_tables import AnswerRow, CodeRow
from db.reads.cases import read_audit
from db.tables import Assister, CommandRow
from db.writes.cases import flag_case
from db.writes.effects import EffectResult, complete_effect, intend_effect
from db.writes.house.returned_letters import record_report
from domain.shared.documents.bounces import DeliveryReport, Outcome
from domain.shared.ids import make_message_id
from tests.support import documents
from tests.support.tables import make_kept_letter
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole

NEW = "testa.right@example.com"
NOW = datetime(2024, 3, 5, tzinfo=UTC)


class Caller:
    """A reviewer on the phone with the assister of a case."""

    def __init__(self, house: House, case_id: str, csrf: str) -> None:
        self.house = house
        self.case_id = case_id
        self.path = f"/staff/cases/{case_id}/address"
        self.csrf = csrf

    async def send(self, step: str = "", **values: str) -> Any:
        return await self.house.post(self.path + step, {"csrf_token": self.csrf, **values}, accept="text/html")

    async def code(self, email: str = NEW) -> str:
        """The code that the assister reads out."""
        assert (await self.send(email=email)).status_code == 303
        return await self.house.code(email)

    async def address(self) -> str:
        return applicant_of(await self.house.database.read(load_case, self.case_id)).email

    async def commands(self) -> list[CommandRow]:
        of_case = col(CommandRow.case_id) == self.case_id
        return await self.house.database.read(list_rows, select(CommandRow).where(of_case))


async def call(house: House, document: dict[str, Any]) -> Caller:
    csrf = await house.sign_in()
    return Caller(house, await house.open(document), csrf)


async def have_letter_fail(house: House, case_id: str, *, on_the_spot: bool) -> None:
    """The letter of the request is refused by the mail server, or taken and returned later."""
    key = f"{case_id}:notice:request_received:0:"
    await house.database.write(intend_effect, key, case_id, "notice.request_received", {}, NOW)
    if on_the_spot:
        refused = EffectResult({"notice": "request_received", "refused": "mail_refused"})
        await house.database.write(complete_effect, key, case_id, refused, NOW)
        await house.database.write(flag_case, case_id, "mail_refused", NOW)
        return
    letter = make_kept_letter(case_id, key, NOW)
    sent = EffectResult({"notice": "request_received"}, mail=letter)
    await house.database.write(complete_effect, key, case_id, sent, NOW)
    report = DeliveryReport(Outcome.RETURNED, "5.1.1")
    await house.database.write(record_report, make_message_id(key), report, "sender:mail", NOW)


@pytest.mark.parametrize("on_the_spot", [True, False])
async def test_d1_p24_an_address_is_corrected_by_the_code_that_the_new_one_was_sent(
    house: House, on_the_spot: bool
) -> None:
    request = documents.broker(language="es")
    caller = await call(house, request)
    await have_letter_fail(house, caller.case_id, on_the_spot=on_the_spot)
    assert (await house.database.read(load_case, caller.case_id)).flag == "mail_refused"

    assert request["email"] in read(await house.browser.get(caller.path)).text
    for wrong in ("nobody", request["email"].upper()):
        faulted = read(await caller.send(email=wrong), 422)
        assert [field["id"] for field in faulted.of("input") if field.get("aria-invalid")] == ["address-email"]
    code = await caller.code()
    (asked,) = await house.database.read(list_rows, select(CodeRow))
    assert (asked.purpose, asked.language) == ("correct_address", "es"), "in the language of who reads it"
    page = read(await house.browser.get(caller.path))
    assert f"We are sending a code to {NEW}." in " ".join(page.text.split())

    wrong = read(await caller.send("/confirm", code="x", reason="On the phone."), 422)
    assert "This is not the code" in wrong.text
    unexplained = read(await caller.send("/confirm", code=code), 422)
    assert [field["id"] for field in unexplained.of("textarea") if field.get("aria-invalid")] == ["address-reason"]
    assert await caller.address() == request["email"]
    done = await caller.send("/confirm", code=f"{code[:3]} {code[3:]}", reason="Mistyped; on the phone.")
    assert (done.status_code, await caller.address()) == (303, NEW)
    shown = read(await house.browser.get(done.headers["location"])).text
    assert "The e-mail address is corrected." in shown

    (person,) = await house.database.read(list_rows, select(Assister))
    assert person.email == NEW
    told = [(row.email, row.answer) for row in await house.database.read(list_rows, select(AnswerRow))]
    assert told == [(request["email"].lower(), "address_changed")], "the old one is told"
    (command,) = await caller.commands()
    assert (command.kind, command.data) == ("resend", {"notice": "request_received"})
    case = await house.database.read(load_case, caller.case_id)
    assert case.flag is None
    (entry,) = [
        one
        for one in await house.database.read(read_audit, caller.case_id)
        if one["action"] == "case.address_corrected"
    ]
    assert (entry["actor"], entry["reason"], entry["details"]) == (
        "reviewer",
        "Mistyped; on the phone.",
        {"method": "phone"},
    )
    assert NEW not in str(entry)
    again = read(await caller.send("/confirm", code=code, reason="Once more."), 422)
    assert "can't be used any more" in again.text


async def test_an_open_question_is_sent_to_the_new_address_too(house: House) -> None:
    caller = await call(house, documents.broker())
    await house.decide(caller.case_id, "ask", "Which is your phone?")
    code = await caller.code()
    assert (await caller.send("/confirm", code=code, reason="Mistyped; on the phone.")).status_code == 303
    assert [(one.kind, one.data) for one in await caller.commands() if one.kind == "resend"] == [
        ("resend", {"notice": "information_needed"})
    ]


async def test_d1_a_code_counts_for_the_case_it_was_asked_for_alone(house: House) -> None:
    caller = await call(house, documents.broker())
    other_request = documents.broker()
    other = Caller(house, await house.open(other_request), caller.csrf)
    code = await caller.code()
    assert "is the address of" not in read(await house.browser.get(caller.path)).text
    refused = read(await other.send("/confirm", code=code, reason="On the phone."), 422)
    assert "No code was asked for" in refused.text
    assert await other.address() == other_request["email"]
    await house.link(caller.case_id)
    own = await house.post("/me/email/confirm", {"code": code})
    assert (own.status_code, own.headers["location"].partition("?")[0]) == (303, "/me/email"), (
        "nor for one's own change"
    )
    assert NEW not in await caller.address()
    assert (await caller.send("/confirm", code=code, reason="On the phone.")).status_code == 303


async def test_somebody_elses_address_is_refused_and_the_code_not_used_up(house: House) -> None:
    request = documents.counselor()
    caller = await call(house, request)
    await house.decide(caller.case_id, "approve")
    code = await caller.code()
    await house.open(documents.counselor(email=NEW, first_name="Otra", last_name="Muestra"))
    assert f"{NEW} is the address of Otra Muestra here, too." in read(await house.browser.get(caller.path)).text
    for _ in range(2):
        refused = read(await caller.send("/confirm", code=code, reason="On the phone."), 422)
        assert "Somebody else is known here by this address already" in refused.text
    before = len(await house.database.read(list_rows, select(CodeRow)))
    named = read(await caller.send(email=NEW, shared="true"), 422).text
    assert f"{NEW} is the address of Otra Muestra here." in named
    assert "ask the assister for another one" in named
    assert len(await house.database.read(list_rows, select(CodeRow))) == before, "no code is sent in vain"
    assert await caller.address() == request["email"]


async def test_an_address_that_two_share_is_sent_a_code_once_staff_say_that_they_do(house: House) -> None:
    caller = await call(house, documents.broker())
    other = await house.open(documents.broker(email=NEW, first_name="Otra", last_name="Muestra"))
    for query, said in (("", f"{NEW} is the address of Otra Muestra here."), ("?lang=es", "Otra Muestra")):
        asked = await caller.send(query, email=NEW)
        page = read(asked, 422)
        assert said in page.text
        assert [box["id"] for box in page.of("input") if box.get("aria-invalid")] == ["address-shared"]
        assert f"/staff/cases/{other}" in asked.text
    assert await house.database.read(list_rows, select(CodeRow)) == []
    assert "address" in [one.page for one in await house.list_accesses(other)], "whose case is named is logged"
    assert (await caller.send(email=NEW, shared="true")).status_code == 303
    shared = await house.browser.get(caller.path)
    assert f"{NEW} is the address of Otra Muestra here, too." in read(shared).text
    assert 'name="shared" value="true"' in shared.text, "another code needs no other word"
    code = await house.code(NEW)
    assert (await caller.send("/confirm", code=code, reason="They share it.")).status_code == 303
    assert await caller.address() == NEW


async def test_d5_while_a_check_is_made_it_is_the_answer_to_a_question_with_consent(house: House) -> None:
    request = documents.counselor()
    caller = await call(house, request)
    assert "Ask the assister about it first" in read(await caller.send(email=NEW), 409).text
    await house.decide(caller.case_id, "ask", "Is your e-mail address right?")
    code = await caller.code()
    without = read(await caller.send("/confirm", code=code, reason="On the phone."), 422)
    assert "consent to it to go on" in without.text
    given = {"code": code, "reason": "On the phone.", "background_check_consent": "true"}
    assert (await caller.send("/confirm", **given)).status_code == 303
    (command,) = await caller.commands()
    assert (command.kind, command.actor, command.data["changes"]["email"]) == ("answer", "reviewer", NEW)
    assert command.data["on_behalf"]["reason"] == "On the phone."
    await house.apply_commands()
    assert await caller.address() == NEW
    told = [row.email for row in await house.database.read(list_rows, select(AnswerRow))]
    assert told == [request["email"].lower()]


async def test_who_does_not_act_for_assisters_corrects_no_address(house: House) -> None:
    caller = await call(house, documents.broker())
    link = f'href="{caller.path}'
    assert link in (await house.browser.get(f"/staff/cases/{caller.case_id}")).text
    assert (await house.post(caller.path, {"email": NEW}, accept="text/html")).status_code == 403
    caller.csrf = await house.sign_in(StaffRole.AUDITOR)
    assert link not in (await house.browser.get(f"/staff/cases/{caller.case_id}")).text
    for step in ("", "/confirm"):
        assert (await caller.send(step, email=NEW, code="123456", reason="Why not.")).status_code == 403
    assert await house.database.read(list_rows, select(CodeRow)) == []
