"""Finding out who is known here, four ways: by either form, by the recovery, by the API; each answers everybody alike.

Known and unknown, of a plan year that has closed, out of scope, under somebody else's NPN: what differs comes by mail,
to whoever reads the mail of the address (D4).
"""

from typing import Any

import httpx2
import pytest
import time_machine
from sqlmodel import col, select

from db.case_state import list_rows
from db.own_tables import AnswerRow
from tests.support import documents, federal_form, form
from tests.support.browser import Browser
from tests.web.house import House

Document = dict[str, Any]
HTML = {"Accept": "text/html", "Accept-Language": "en"}
LAST_HOUR, OVER = "2026-12-31T23:30-05:00", "2027-01-01T00:30-05:00"
OPEN, CLOSED = "2026-12-31T23:30-07:00", "2027-01-01T00:30-07:00"
FAR: Document = {field: documents.address("NV") for field in ("business_address", "physical_address")}


async def list_answers(house: House) -> list[str]:
    """What the letters say that are to be sent, in their order."""
    rows = await house.database.read(list_rows, select(AnswerRow).order_by(col(AnswerRow.asked_at)))
    return [row.answer for row in rows]


def describe(answer: httpx2.Response, request: Document) -> tuple[object, ...]:
    """All that a stranger sees of an answer, but for what they gave themselves."""
    given = {str(request[name]) for name in ("email", "plan_year")}
    text, place = answer.text, answer.headers.get("location", "")
    for one in given:
        text = text.replace(one, "…")
    headers = sorted(name for name in answer.headers if name not in ("date", "content-length"))
    return answer.status_code, place, headers, form.REFERENCE.sub("…", text)


async def test_d4_by_the_form_of_the_state(house: House) -> None:
    known = documents.broker()
    await house.open(known)
    strangers = [
        documents.broker(),
        known,
        {**known, "first_name": "Other", "email": "other@example.com"},
        documents.broker(**FAR),
        documents.broker(plan_year=2026),
    ]
    seen = []
    for request in strangers:
        house.browser.cookies.clear()
        person = Browser(house.browser)
        with time_machine.travel(OPEN, tick=True) as traveller:
            await form.begin(person, plan_year=request["plan_year"])
            await form.fill_in(person, request)
            if request["plan_year"] == 2026:
                traveller.move_to(CLOSED)
            pages = [await form.press(person, "Send the request")]
            pages.append(await form.press(person, "Go on", code="no code"))
            pages.append(await form.press(person, "Go on", code=await house.code(request["email"])))
        texts = [page.text.replace(request["email"], "…").replace(str(request["plan_year"]), "…") for page in pages]
        texts = [form.REFERENCE.sub("…", text) for text in texts]
        seen.append(([(page.status, form.place(page)) for page in pages], texts, sorted(house.browser.cookies)))
    assert all(one == seen[0] for one in seen)
    assert sorted(await list_answers(house)) == ["refused", "refused", "repeated"]


async def test_d4_by_the_form_of_the_marketplace(house: House) -> None:
    known = documents.registration()
    await house.open(known)
    strangers = [
        documents.registration(),
        known,
        {**known, "email": "other@example.com"},
        {**known, "npn": documents.new_npn(), "first_name": "Other"},
        documents.registration(plan_year=2026),
    ]
    seen = []
    for request in strangers:
        house.browser.cookies.clear()
        person = Browser(house.browser)
        with time_machine.travel(LAST_HOUR, tick=True) as traveller:
            await federal_form.begin(person, plan_year=request["plan_year"])
            await federal_form.fill_in(person, request)
            if request["plan_year"] == 2026:
                traveller.move_to(OVER)
            pages = [await form.press(person, "Send the request")]
            pages.append(await form.press(person, "Go on", code="no code"))
            pages.append(await form.press(person, "Go on", code=await house.code(request["email"].lower())))
        texts = [page.text.replace(request["email"], "…").replace(str(request["plan_year"]), "…") for page in pages]
        texts = [form.REFERENCE.sub("…", text) for text in texts]
        seen.append(([(page.status, form.place(page)) for page in pages], texts, sorted(house.browser.cookies)))
    assert all(one == seen[0] for one in seen)
    assert sorted(await list_answers(house)) == ["conflict", "refused", "repeated"]


async def test_d4_by_the_recovery(house: House) -> None:
    """Of either program: whoever has no case finds out from an empty list, behind a code to their own mailbox."""
    state, federal, withdrawn = documents.broker(), documents.registration(), documents.counselor()
    for request in (state, federal):
        await house.open(request)
    await house.services.cases.withdraw_request(await house.open(withdrawn), "moved", "staff:rita")
    await house.apply_commands()
    seen = []
    for request in (state, federal, withdrawn, documents.broker(), documents.broker(**FAR)):
        house.browser.cookies.clear()
        answers = []
        for path in ("/portal/recovery", "/portal", "/me"):
            answers.append(await house.browser.get(path, headers=HTML))
        answers.append(await house.post("/me/code", {"email": request["email"]}, **HTML))
        answers.append(await house.browser.get(answers[-1].headers["location"], headers=HTML))
        answers.append(await house.post("/me/sign-in", {"code": "no code"}, **HTML))
        assert await house.code(request["email"].lower()), "a code comes to everybody"
        seen.append(([describe(answer, request) for answer in answers], sorted(house.browser.cookies)))
    assert all(one == seen[0] for one in seen)
    assert await list_answers(house) == []


@pytest.mark.parametrize("credential", ["", "Bearer made-up", "Basic bWFkZTp1cA=="])
async def test_d4_by_the_api(house: House, credential: str) -> None:
    known = documents.broker()
    await house.open(known)
    headers = {"Authorization": credential} if credential else {}
    seen = []
    for request in (documents.broker(), known, {**known, "email": "other@example.com"}, documents.broker(**FAR)):
        answer = await house.browser.post("/api/requests", json=request, headers=headers)
        seen.append(describe(answer, request))
        looked_up = await house.browser.post(
            "/api/portal/applicants", json={"email": request["email"]}, headers=headers
        )
        assert looked_up.status_code == answer.status_code == 401
    assert all(one == seen[0] for one in seen)
    assert (len(await house.cases()), await list_answers(house)) == (1, [])
