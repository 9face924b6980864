"""One's own pages as a browser meets them: signing in by a code, the list, the end of a session, and what was typed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from db.writes.own.sessions import find_own_session
from domain.shared.cases.authority import SuspensionKind
from domain.shared.cases.facts import FactKind
from domain.shared.reference_numbers import make_reference_number
from domain.state.request import parse_request
from templates.catalogs import translate
from templates.labels import FIELDS
from tests.support import documents, form
from tests.support.browser import Browser, Page
from tests.web.house import House, fail_once
from tests.web.test_pages import returning

HTML = {"Accept": "text/html"}


@pytest.fixture
def person(house: House) -> Browser:
    return Browser(house.browser)


async def sign_in(house: House, person: Browser, email: str, path: str = "/me") -> Page:
    await person.open(path)
    await person.press("Send me a code", email=email)
    return await person.press("Go on", code=await house.code(email.lower()))


async def test_d6_the_code_opens_the_list_of_the_cases_of_both_programs(house: House, person: Browser) -> None:
    broker = documents.broker()
    same = {name: broker[name] for name in ("email", "first_name", "last_name")}
    await house.open(broker)
    await house.open(documents.registration(broker["npn"], **same))
    await house.open(documents.counselor())
    page = await sign_in(house, person, broker["email"].upper())
    assert page.url.endswith("/me")
    assert [label for label, _ in page.links if label.startswith("Open my")] == [
        "Open my registration of 2024",
        "Open my certification of 2024",
    ]
    assert broker["email"] in page.text
    assert (await person.follow("Open my certification of 2024")).status == 200
    await person.open("/me")
    assert "Marketplace" in (await person.follow("Open my registration of 2024")).text


async def test_d6_a_code_is_not_used_up_where_the_sign_in_fails(
    house: House, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, "web.own.sign_in.open_own_session")
    await person.open("/me")
    await person.press("Send me a code", email="testa.broker@example.com")
    code = await house.code("testa.broker@example.com")
    assert (await person.press("Go on", code=code)).status == 500
    await person.open("/me/code")
    assert "Sign out" in (await person.press("Go on", code=code)).text


async def test_d6_a_code_is_not_used_up_where_the_change_of_address_fails(
    house: House, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, "web.own.address.change_own_address")
    request, new = documents.broker(), "new.address@example.com"
    await house.link(await house.open(request))
    await house.post("/me/email", {"email": new})
    code = await house.code(new)
    assert (await house.post("/me/email/confirm", {"code": code})).status_code == 500
    assert request["email"] in (await person.open("/me")).text
    assert (await house.post("/me/email/confirm", {"code": code})).status_code == 303
    assert new in (await person.open("/me")).text


async def test_d6_what_stays_under_an_address_is_said_by_case_before_the_code(house: House, person: Browser) -> None:
    request, new = documents.counselor(language="en"), "new.address@example.com"
    case_id = await house.open(request)
    await house.facts(case_id, FactKind.SCREENED, round=0, findings=[])
    await house.link(case_id)
    before, number = request["email"], make_reference_number(case_id)

    async def changed() -> Page:
        await house.post("/me/email", {"email": new})
        answer = await house.post("/me/email/confirm", {"code": await house.code(new)})
        return await person.open(answer.headers["location"])

    page = await person.open("/me/email?lang=en")
    assert f"This stays under {before} until there is a decision" in page.text
    assert number in page.text
    assert "nothing else changes yet" in page.text
    page = await changed()
    assert "Your new e-mail address is confirmed. Nothing goes by it yet" in page.text
    assert ("is changed" in page.text, f"Our letters go to {before}" in page.text) == (False, True)
    await house.open(documents.registration(email=before))
    await house.own_session(before)
    page = await person.open("/me/email?lang=es")
    assert (f"Esto sigue con {before} hasta que haya una decisión" in page.text, number in page.text) == (True, True)
    assert "everything else of yours" in (await person.open("/me/email?lang=en")).text
    page = await changed()
    assert "Your e-mail address is changed. What stays under the one before" in page.text
    assert page.text.count(f"Our letters go to {before}") == 1, "the other one moved"


async def test_d6_a_sign_in_without_an_address_says_that_one_is_needed(house: House, person: Browser) -> None:
    await person.open("/me")
    page = await person.press("Send me a code", email=" ")
    assert page.status == 422
    assert "This field is required" not in page.text
    assert "Enter your e-mail address." in page.text


async def test_d6_a_page_that_was_asked_for_comes_after_the_sign_in(house: House, person: Browser) -> None:
    request = documents.broker()
    case_id = await house.open(request)
    page = await sign_in(house, person, request["email"], f"/me/{case_id}")
    assert page.url.endswith(f"/me/{case_id}")
    assert "Your certification for plan year 2024" in page.text


async def test_a22_every_attempt_at_the_exam_is_on_ones_own_page(house: House, person: Browser) -> None:
    case_id = await house.open(documents.broker())
    await house.link(case_id)
    assert "attempts" not in (await person.open(f"/me/{case_id}")).text
    for number, (score, passed) in enumerate([("0.5", False), ("0.85", True)]):
        await house.facts(case_id, FactKind.EXAM_ATTEMPTED, event_id=str(number), score=score, passed=passed)
    text = (await person.open(f"/me/{case_id}")).text
    assert "Your attempts at the final exam" in text
    assert text.index("50% Not passed") < text.index("85% Passed")


async def test_a_step_that_waits_for_others_is_in_progress(house: House, person: Browser) -> None:
    case_id = await house.open(documents.broker())
    await house.link(case_id)
    text = (await person.open(f"/me/{case_id}")).text
    assert ("Eligibility determination In progress" in text, "Next" in text) == (True, False)
    await house.decide(case_id, "approve")
    await house.facts(case_id, FactKind.LMS_INVITED)
    assert "Training Next" in (await person.open(f"/me/{case_id}")).text


async def test_who_has_to_accept_the_agreement_has_the_next_step_though_staff_are_asked_too(
    house: House, person: Browser
) -> None:
    case_id = await house.begin(returning())
    await house.link(case_id)
    assert "Eligibility determination Next" in (await person.open(f"/me/{case_id}")).text


async def test_of_a_certificate_it_is_said_that_the_portal_is_still_to_come_where_nothing_else_is_missing(
    house: House, person: Browser
) -> None:
    case_id = await house.open(documents.broker())
    await house.certify(case_id)
    await house.link(case_id)
    said = "You may help consumers once your portal account is ready."
    assert said in (await person.open(f"/me/{case_id}")).text
    ordered = {"cause": "suspended_by_staff", "reason": "A sample reason.", "notice_date": "2026-11-02"}
    await house.facts(case_id, FactKind.AUTHORITY_SUSPENDED, suspension_id="s1", decided_by="staff:rita", **ordered)
    text = (await person.open(f"/me/{case_id}")).text
    assert ("Your authority to help consumers is suspended." in text, said in text) == (True, False)


async def test_d1_who_has_another_code_sent_is_told_so(house: House, person: Browser) -> None:
    await person.open("/me")
    said = "We are sending you another code. The one before does not count any more."
    assert said not in (await person.press("Send me a code", email="testa.broker@example.com")).text
    assert said in (await person.press("Send me another code")).text


async def test_d1_who_comes_back_without_the_cookie_of_a_code_is_told_why(house: House, person: Browser) -> None:
    await person.open("/me")
    await person.press("Send me a code", email="testa.broker@example.com")
    house.browser.cookies.clear()
    text = (await person.open("/me/code")).text
    assert "your browser does not accept our cookie" in text
    assert "Sign in to my pages" in text


@pytest.mark.parametrize("onward", ["https://elsewhere.example", "//elsewhere.example/me", "/staff", "/me/sign-out"])
async def test_d6_the_sign_in_leads_to_ones_own_pages_alone(house: House, person: Browser, onward: str) -> None:
    await person.open(f"/me?next={onward}")
    await person.press("Send me a code", email="testa.broker@example.com")
    page = await person.press("Go on", code=await house.code("testa.broker@example.com"))
    assert page.url == "http://certify.example.org/me"


async def test_d6_who_signs_out_is_out_and_a_new_sign_in_ends_the_session_before(house: House, person: Browser) -> None:
    await sign_in(house, person, "testa.broker@example.com")
    first = house.browser.cookies["own"]
    await sign_in_again(house, person)
    second = house.browser.cookies["own"]
    assert "Sign in to my pages" in (await person.press("Sign out")).text
    for secret in (first, second):
        house.browser.cookies.set("own", secret)
        assert "Sign in to my pages" in (await person.open("/me")).text


async def sign_in_again(house: House, person: Browser) -> None:
    await house.browser.post("/me/code", data={"email": "samp.agent@example.com"})
    await person.open("/me/code")
    await person.press("Go on", code=await house.code("samp.agent@example.com"))


async def test_d6_a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours(
    house: House, person: Browser
) -> None:
    at = datetime.now(UTC)
    await sign_in(house, person, "testa.broker@example.com")
    for minutes in range(25, 12 * 60, 25):
        with time_machine.travel(at + timedelta(minutes=minutes), tick=True):
            assert "Sign out" in (await person.open("/me")).text
    with time_machine.travel(at + timedelta(hours=12, minutes=1), tick=True):
        assert "Sign in to my pages" in (await person.open("/me")).text
    await sign_in(house, person, "testa.broker@example.com")
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        assert "Sign in to my pages" in (await person.open("/me")).text


async def test_d6_staying_begins_the_half_hour_anew(house: House) -> None:
    await house.own_session("testa.broker@example.com")
    at = datetime.now(UTC)
    with time_machine.travel(at + timedelta(minutes=29), tick=True):
        left = (await house.browser.post("/me/stay")).json()["seconds"]
    assert 1790 <= left <= 1800
    with time_machine.travel(at + timedelta(minutes=58), tick=True):
        assert (await house.browser.post("/me/stay")).status_code == 200
    with time_machine.travel(at + timedelta(minutes=90), tick=True):
        answer = await house.browser.post("/me/stay")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_d6_what_was_typed_survives_the_end_of_the_session(house: House, person: Browser) -> None:
    request = documents.broker()
    case_id = await house.open(request)
    await house.decide(case_id, "ask", "Which insurers?")
    await person.open(await house.link(case_id))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        page = await person.press("Send the answer", message="Both of them, <b>really</b>.")
        assert "What you have typed is kept" in page.text
        assert "really" not in page.url
        await person.press("Send me a code", email=request["email"])
        page = await person.press("Go on", code=await house.code(request["email"]))
        assert "Both of them, <b>really</b>." in page.text
        page = await person.press("Send it now")
        assert page.url.partition("?")[0].endswith(f"/me/{case_id}")
        assert "We have your answer" in page.text
        assert (await person.open("/me/kept")).url.endswith("/me")
    (command,) = await house.apply_commands()
    assert command.reason == "Both of them, <b>really</b>."


@pytest.mark.parametrize("language", ["en", "es"])
async def test_d6_what_was_typed_comes_back_where_the_browser_has_no_cookie(house: House, language: str) -> None:
    """It stands on the page that answers, with what to do, and is sent from there once one is signed in."""
    request, person = documents.broker(language=language), Browser(house.browser, language)
    case_id = await house.open(request)
    await house.decide(case_id, "ask", "Which insurers?")
    await person.open(await house.link(case_id))
    house.browser.cookies.clear()
    typed = {"message": "Both.", "business_address__city": "Typedtown", "business_address__line1": "9 Typed Street"}
    for _ in range(2):  # who sends it before the sign-in has it again
        button = "Send the answer" if person.page.status == 200 else "Send it now"
        page = await form.press(person, button, **typed)
        assert (page.status, f"/me/{case_id}/information" in page.url) == (401, True)
        assert "Both." in page.text
        assert f"{translate(FIELDS['business_address'], language)} 9 Typed Street" in page.text
        assert "Typedtown" in page.text
        assert translate("Come back to this tab and send it.", language) in page.text
    tab = Browser(house.browser, language)
    await tab.open(page.link(translate("Sign in (opens another tab)", language)))
    await form.press(tab, "Send me a code", email=request["email"])
    await form.press(tab, "Go on", code=await house.code(request["email"]))
    page = await form.press(person, "Send it now")
    assert page.url.partition("?")[0].endswith(f"/me/{case_id}")
    (command,) = await house.apply_commands()
    assert command.reason == "Both."


async def test_d6_what_one_person_typed_is_not_shown_to_the_next(house: House, person: Browser) -> None:
    case_id = await house.open(documents.broker())
    await house.decide(case_id, "ask", "Which insurers?")
    await person.open(await house.link(case_id))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        await person.press("Send the answer", message="A secret of mine")
        await person.press("Send me a code", email="samp.agent@example.com")
        page = await person.press("Go on", code=await house.code("samp.agent@example.com"))
        assert page.url.endswith("/me")
        assert (await person.open("/me/kept")).url.endswith("/me")
        assert not [page for page in person.seen if "A secret of mine" in page.source]


async def test_d6_nothing_of_a_session_is_stored_by_a_browser_or_readable_by_a_script(house: House) -> None:
    await house.browser.post("/me/code", data={"email": "testa.broker@example.com"})
    code = await house.code("testa.broker@example.com")
    answer = await house.browser.post("/me/sign-in", data={"code": f"{code[:3]} {code[3:]}"})
    assert answer.status_code == 303
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("own=")]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    page = await house.browser.get("/me", headers=HTML)
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("make", [documents.broker, documents.registration])
@pytest.mark.parametrize("reason", ["", "I moved away."])
async def test_c8_d6_one_withdraws_a_case_of_ones_own(house: House, person: Browser, make: Any, reason: str) -> None:
    case_id = await house.open(make())
    await person.open(await house.link(case_id))
    page = await person.press("Withdraw now", reason=reason)
    assert page.url.partition("?")[0].endswith(f"/me/{case_id}")
    (command,) = await house.apply_commands()
    assert (command.kind, command.actor, command.case_id) == ("withdraw", "assister", case_id)
    assert bool(command.data.get("told")) is not bool(reason), "our own sentence is known in every language"
    assert command.reason == reason or (not reason and command.reason.startswith("Withdrawn on one's own pages"))
    page = await person.open(f"/me/{case_id}")
    assert ("You withdrew your " in page.text, "The reason we gave" in page.text) == (True, False)
    assert (("Your reason:" in page.text), ("I moved away." in page.text)) == (bool(reason), bool(reason))
    assert "Withdraw now" not in page.text
    await house.own_session("somebody.else@example.com")
    for there in (case_id, "unknown"):
        assert (await house.post(f"/me/{there}/withdraw", {"reason": "Mine."}, **HTML)).status_code == 404


async def test_d6_one_corrects_phone_and_addresses_oneself(house: House, person: Browser) -> None:
    request = documents.broker()
    case_id = await house.open(request)
    await person.open(await house.link(case_id))
    await person.follow("Correct your phone number or addresses")
    apart = {"physical_same": "", "physical_address.city": "Taos"}
    page = await person.press("Save the corrections", phone="x", **apart)
    assert page.status == 422
    moved = await person.press("Save the corrections", phone="505-555-0199", **{"physical_address.state": "AZ"})
    assert (moved.status, "An address in another state may matter" in moved.text) == (422, True)
    (case,) = await house.cases()
    assert case.request["phone"] == parse_request(request).model_dump(mode="json")["phone"]
    state = request["physical_address"]["state"]
    code = {"physical_address.postal_code": "10001"}
    page = await person.press("Save the corrections", **{"physical_address.state": state}, **code)
    assert "We have your phone number and addresses" in page.text
    assert "The ZIP code 10001 is one of New York" in page.text
    assert "10001" not in (await person.open(f"/me/{case_id}?lang=en")).text, "it is asked once"
    (case,) = await house.cases()
    assert (case.request["phone"], case.request["physical_address"]["city"]) == ("505-555-0199", "Taos")
    await person.open(f"/me/{case_id}/contacts?lang=es")
    page = await person.press("Guardar las correcciones", addressed_as="feminine")
    assert "Corredora" in page.text
    assert "Corredora" in (await person.open("/me?lang=es")).text
    await person.open(f"/me/{case_id}/contacts?lang=es")
    page = await person.press("Guardar las correcciones", addressed_as="")
    assert ("Corredora" in page.text, "Corredor" in page.text) == (False, True)
    (case,) = await house.cases()
    assert (case.request["addressed_as"], case.request["phone"]) == ("", "505-555-0199")
    again = await house.post(f"/me/{case_id}/contacts", {"email": "new@example.com", "npn": "1234567"}, **HTML)
    assert again.status_code == 422
    await house.own_session("somebody.else@example.com")
    assert (await house.post(f"/me/{case_id}/contacts", {"phone": "505-555-0100"}, **HTML)).status_code == 404
    await house.own_session(request["email"])
    await person.open(f"/me/{case_id}?lang=en")
    await person.press("Withdraw now")
    await house.apply_commands()
    assert (await house.browser.get(f"/me/{case_id}/contacts", headers=HTML)).status_code == 409


async def test_the_same_address_is_corrected_with_the_other(house: House, person: Browser) -> None:
    """Both follow while the box is ticked, which it is where they are one; without it the other keeps what stood."""
    request = documents.broker()
    case_id = await house.open(request)
    await person.open(await house.link(case_id))
    page = await person.follow("Correct your phone number or addresses")
    assert _list_contacts(page)["physical_same"] == "true"
    page = await person.press("Save the corrections", business_address__state="AZ")
    assert (page.status, page.text.count("An address in another state may matter")) == (422, 2), "told of one field"
    await person.press("Save the corrections", business_address__state="TX", business_address__city="Movedtown")
    (case,) = await house.cases()
    assert case.request["physical_address"] == case.request["business_address"]
    assert case.request["physical_address"]["city"] == "Movedtown"
    await person.follow("Correct your phone number or addresses")
    await person.press("Save the corrections", physical_same="", business_address__city="Elsewhere")
    (case,) = await house.cases()
    cities = [case.request[f"{which}_address"]["city"] for which in ("business", "physical")]
    assert cities == ["Elsewhere", "Movedtown"]
    page = await person.follow("Correct your phone number or addresses")
    assert "physical_same" not in _list_contacts(page)


def _list_contacts(page: Page) -> dict[str, str]:
    return next(form.fields for form in page.forms if "phone" in form.fields)


async def test_one_s_own_page_says_until_when_staff_mean_to_decide(house: House, person: Browser) -> None:
    case_id = await house.open(documents.broker())
    await person.open(await house.link(case_id))
    await house.facts(case_id, FactKind.SCREENED, round=0, findings=[])
    (case,) = await house.cases()
    assert case.waiting_for == "decision"
    assert "As a rule there is one within 5 business days: by" in (await person.open(f"/me/{case_id}")).text
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30)):
        await house.own_session(case.request["email"])
        assert "It takes longer than we mean it to" in (await person.open(f"/me/{case_id}")).text


@pytest.mark.parametrize("make", [documents.broker])
async def test_e4_one_says_something_against_a_suspension_on_one_s_own_page(
    house: House, person: Browser, make: Any
) -> None:
    case_id = await house.open(make())
    await house.certify(case_id)
    link = await house.link(case_id)
    assert "Say something against it" not in (await person.open(link)).text
    assert (await house.post(f"/me/{case_id}/rebuttal", {"text": "Mine."}, **HTML)).status_code == 409
    reason = "a complaint"
    await house.services.cases.suspend_authority(case_id, SuspensionKind.AGREEMENT, reason, "staff:riley")
    await house.apply_commands()
    page = await person.open(link)
    assert "a complaint" in page.text
    page = await person.press("Send it to our staff", text="It was somebody else.")
    assert "It was somebody else." in page.text
    assert "We answer by" in page.text
    assert (await house.post(f"/me/{case_id}/rebuttal", {"text": " "}, **HTML)).status_code == 422
    await house.own_session("somebody.else@example.com")
    assert (await house.post(f"/me/{case_id}/rebuttal", {"text": "Mine."}, **HTML)).status_code == 404


async def test_d6_one_sees_where_else_one_is_signed_in_and_ends_that_alone(house: House, person: Browser) -> None:
    elsewhere = await house.own_session("testa.broker@example.com")
    others = await house.own_session("somebody.else@example.com")
    mine = await house.own_session("testa.broker@example.com")
    page = await person.open("/me")
    assert page.text.count("last seen") == 1
    page = await person.press("Sign out everywhere else")
    assert "You are signed in here alone now." in page.text
    assert "Where else you are signed in" not in page.text
    now = datetime.now(UTC)
    found = [await house.database.read(find_own_session, token, now) for token in (elsewhere, others, mine)]
    assert [one is not None for one in found] == [False, True, True]
    house.browser.cookies.clear()
    assert (await house.post("/me/sign-out-elsewhere", {})).status_code == 401
