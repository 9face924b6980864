"""A thief of a session would move its owner's letters: a code to the new address, and the old one is told (D6)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session
from sqlmodel import select

from db.case_state import applicant_of, list_rows, load_case
from db.own_tables import AnswerRow
from db.tables import Case
from db.writes.facts import lock_case
from db.writes.own import addresses
from db.writes.own.portal_passes import give_portal_pass
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import Stage
from tests.support import documents
from tests.support.browser import Browser
from tests.support.form import place
from tests.support.sending import build_credential
from tests.web.house import House

OLD, NEW = "testa.broker@example.com", "testa.new@example.com"


@pytest.fixture
def person(house: House) -> Browser:
    return Browser(house.browser)


async def list_told(house: House) -> list[tuple[str, str]]:
    """Whom letters are to be sent to that are about no case, and what they say."""
    return [(row.email, row.answer) for row in await house.database.read(list_rows, select(AnswerRow))]


async def find_addresses(house: House) -> list[str]:
    return sorted({applicant_of(case).email for case in await house.cases()})


async def ask(person: Browser, email: str) -> None:
    await person.open("/me")
    await person.follow("Change my e-mail address")
    await person.press("Send me a code", email=email)


async def test_d6_an_address_changes_by_a_code_to_the_new_one_and_the_old_one_is_told(
    house: House, person: Browser
) -> None:
    broker = documents.broker(email=OLD)
    same = {name: broker[name] for name in ("email", "first_name", "last_name")}
    opened = [await house.open(broker), await house.open(documents.registration(broker["npn"], **same))]
    await house.open(documents.broker())
    await house.own_session(OLD)
    await ask(person, NEW.upper())
    assert (await person.press("Go on", code="no code")).status == 422
    assert (await list_told(house), NEW in await find_addresses(house)) == ([], False)
    page = await person.press("Go on", code=await house.code(NEW))
    assert "Your e-mail address is changed." in page.text
    assert NEW in page.text
    assert await list_told(house) == [(OLD, "address_changed")]
    for case_id in opened:
        case = await house.database.read(load_case, case_id)
        assert applicant_of(case).email == NEW
        assert (await person.open(f"/me/{case_id}")).status == 200
    assert len(await find_addresses(house)) == 2, "nobody else's changed"
    await house.own_session(OLD)
    assert "There is nothing under this e-mail address" in (await person.open("/me")).text
    assert (await house.open({**broker, "email": NEW})) == opened[0], "known by the new one from now on"


async def test_d6_no_code_but_one_for_this_purpose_from_this_browser_changes_an_address(
    house: House, person: Browser
) -> None:
    """A code that was lured out of a victim for the sign-in moves nothing, nor the other way round."""
    await house.open(documents.broker(email=OLD))
    await house.own_session(OLD)
    await house.browser.post("/me/code", data={"email": NEW})
    await house.browser.post("/me/email/confirm", data={"code": await house.code(NEW)})
    assert await find_addresses(house) == [OLD]
    await ask(person, NEW)
    refused = await house.browser.post("/me/sign-in", data={"code": await house.code(NEW)})
    assert refused.status_code == 422
    assert (await find_addresses(house), await list_told(house)) == ([OLD], [])
    house.browser.cookies.delete("own")
    for path in ("/me/email", "/me/email/confirm"):
        answer = await house.browser.post(path, data={"email": NEW, "code": "123456"})
        assert answer.status_code == 401


async def test_d6_an_answer_moves_no_letters_to_an_unconfirmed_address(house: House, person: Browser) -> None:
    case_id = await house.open(documents.broker(email=OLD))
    await house.decide(case_id, "ask", "Which insurers?")
    await person.open(await house.link(case_id))
    page = await person.press("Send the answer", message="Both.", email=NEW)
    assert (page.status, "Change your e-mail address on your own pages first" in page.text) == (422, True)
    for body in ({"message": "x", "email": NEW}, {"message": "x", "changes": {"email": [NEW]}}):
        answer = await house.browser.post(f"/me/{case_id}/information", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "email")
    assert await house.apply_commands() == []
    await ask(person, NEW)
    await person.press("Go on", code=await house.code(NEW))
    body = {"message": "x", "email": OLD}
    assert (await house.browser.post(f"/me/{case_id}/information", json=body)).status_code == 202
    await house.apply_commands()
    assert await find_addresses(house) == [OLD], "the one before was confirmed in this session too"
    assert await list_told(house) == [(OLD, "address_changed"), (NEW, "address_changed")]


async def test_d5_d6_an_address_that_a_check_is_made_with_stays_until_it_is_decided(
    house: House, person: Browser
) -> None:
    case_id = await house.open(documents.counselor(email=OLD))
    await house.own_session(OLD)
    await ask(person, NEW)
    page = await person.press("Go on", code=await house.code(NEW))
    assert "Nothing goes by it yet" in page.text
    assert (await find_addresses(house), await list_told(house)) == ([OLD], [])
    assert (await person.open(f"/me/{case_id}")).status == 200, "both addresses are confirmed here"


async def test_d5_d6_a_check_that_begins_while_the_case_is_waited_for_counts_too(
    house: House, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await house.open(documents.counselor(email=OLD))
    await house.decide(case_id, "approve")
    await house.own_session(OLD)
    await ask(person, NEW)

    def lock_later(session: Session, which: str) -> Case:
        """As another transaction leaves the case that had it first."""
        case = lock_case(session, which)
        case.stage = Stage.AWAITING_BACKGROUND_CHECK
        return case

    monkeypatch.setattr(addresses, "lock_case", lock_later)
    page = await person.press("Go on", code=await house.code(NEW))
    assert "Nothing goes by it yet" in page.text
    assert (await find_addresses(house), await list_told(house)) == ([OLD], [])


@pytest.mark.parametrize("make", [documents.counselor, documents.registration])
async def test_b3_d6_an_address_that_somebody_is_known_by_is_not_taken_over(
    house: House, person: Browser, make: Any
) -> None:
    case_id = await house.open(make(email=OLD))
    if make is documents.counselor:
        await house.decide(case_id, "approve")
    other = await house.open(make(email=NEW))
    await house.own_session(OLD)
    await ask(person, NEW)
    page = await person.press("Go on", code=await house.code(NEW))
    assert (page.status, "Somebody is known here by this address already" in page.text) == (409, True)
    assert (await find_addresses(house), await list_told(house)) == (sorted([OLD, NEW]), [])
    assert (await person.open(f"/me/{other}")).status == 404


async def test_d6_a_profile_moves_no_letters_to_an_unconfirmed_address(house: House) -> None:
    case_id = await house.open(documents.registration(email=OLD))
    await house.facts(case_id, FactKind.BEGUN)
    person = Browser(house.browser)
    await person.open(await house.link(case_id))
    await person.open(f"/me/{case_id}/profile/person")
    pages = [await person.press("Continue", email=NEW)]
    await person.open(f"/me/{case_id}/profile")
    pages.append(await person.press("Save/Update", verified="true"))
    assert [place(page).rpartition("/")[2] for page in pages] == ["person", "profile"]
    for page in pages:
        assert (page.status, "Change your e-mail address on your own pages first" in page.text) == (422, True)
    assert (await find_addresses(house), await list_told(house)) == ([OLD], [])


async def test_d6_a_portal_moves_nobody_s_letters(house: House) -> None:
    case_id = await house.open(documents.registration(email=OLD))
    await house.facts(case_id, FactKind.BEGUN)
    token = await house.own_session(OLD)
    given, _ = await house.database.write(give_portal_pass, token, case_id, "marketplace", datetime.now(UTC))
    headers = build_credential("marketplace", b"") | {"Portal-Pass": given}
    answer = await house.browser.post(f"/api/cases/{case_id}/profile", json={"email": NEW}, headers=headers)
    assert (answer.status_code, [fault["field"] for fault in answer.json()["errors"]]) == (422, ["email"])
    assert (await find_addresses(house), await list_told(house)) == ([OLD], [])
