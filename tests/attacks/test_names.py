"""A sentence or an address for a name, which a signed certificate and letters would print, by every way in (D5)."""

import pytest
from sqlmodel import select

from db.case_state import applicant_of, list_rows
from db.own_tables import CodeRow
from domain.shared.cases.facts import FactKind
from tests.support import documents, federal_form, form
from tests.support.browser import Browser
from tests.support.marketplace import WORD
from tests.web.house import House
from web.http.permissions import StaffRole

EMAIL = "testa.broker@example.com"


@pytest.mark.parametrize("name", ["Certified By The State Of New Mexico", "www.example.org"])
async def test_no_way_in_takes_a_sentence_or_an_address_for_a_name(house: House, name: str) -> None:
    person = Browser(house.browser)
    await form.begin(person)
    await form.fill_in(person, documents.broker(email=EMAIL), until="name")
    page = await form.answer(person, first_name=name, last_name="Sampleperson")
    assert (form.step_of(page), "Write a person's name" in page.text) == ("name", True)

    await federal_form.begin(person)
    await federal_form.fill_in(person, documents.registration(email=EMAIL), until="person")
    page = await federal_form.answer(person, first_name="Testa", last_name=name, email=EMAIL, phone="505-555-0100")
    assert (page.status, federal_form.step_of(page), "Write a person's name" in page.text) == (422, "person", True)
    assert await house.database.read(list_rows, select(CodeRow)) == [], "nobody is written to"

    headers = {"X-CSRF-Token": await house.sign_in(StaffRole.REVIEWER)}
    for request in (documents.counselor(first_name=name), documents.registration(first_name=name)):
        sent = await house.browser.post("/api/requests", json=request, headers=headers)
        assert (sent.status_code, [one["field"] for one in sent.json()["errors"]]) == (422, ["first_name"])
    assert await house.cases() == []


async def test_no_change_makes_a_sentence_of_a_name(house: House) -> None:
    state, federal = await house.open(documents.broker(email=EMAIL)), await house.open(documents.registration())
    await house.decide(state, "ask", "Which insurers?")
    await house.facts(federal, FactKind.BEGUN)
    changes = {"last_name": "Is Certified. Pay Him."}
    await house.own_session(EMAIL)
    answered = await house.browser.post(f"/me/{state}/information", json={"message": "Both.", "changes": changes})
    headers = {"X-CSRF-Token": await house.sign_in(StaffRole.REVIEWER)}
    saved = await house.browser.post(f"/api/cases/{federal}/profile", json={**WORD, **changes}, headers=headers)
    for answer in (answered, saved):
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, ["last_name"])
    assert await house.apply_commands() == []
    assert not any("Pay" in applicant_of(case).name for case in await house.cases())
