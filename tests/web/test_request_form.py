"""The request form as a browser meets it, step by step, over the real database: what it asks, keeps and sends."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import time_machine
from sqlmodel import col, select

from db.case_state import list_rows
from db.own_tables import AnswerRow
from db.tables import DraftRow
from db.writes.drafts import LIFE, purge_drafts
from domain.shared.cases.facts import FactKind
from domain.shared.documents.fields import STATES
from domain.shared.ids import hash_token
from domain.shared.reference_numbers import make_reference_number
from domain.state.agreements import find_agreement, find_consent_text
from domain.state.policies import POLICIES
from templates.catalogs import translate
from tests.support import documents, form
from tests.support.browser import Browser, Page
from tests.support.tables import change_row
from tests.templates.contexts import PHONE
from tests.web.house import House, fail_once
from tests.web.test_pages import contacts, read, returning
from web.field_words import MISSING, OTHERWISE, word_faults
from web.marketplace.steps import walk_request
from web.public.request.form import DRAFTS
from web.public.request.steps import STEPS, find_faults

TEXT = {language: find_agreement("bewellnm", language) for language in ("en", "es")}
KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "agent": documents.agent,
    "broker": documents.broker,
    "enrollment_counselor": documents.counselor,
}
# The first questions, and then the steps.
LICENSED = ["kind", "name", "contact", "license", "insurers", "business-address", "physical-address", "agreement"]
COUNSELORS = ["kind", "name", "contact", "employer", "physical-address", "agreement", "background-check"]


@pytest.fixture
def person(house: House) -> Browser:
    """Somebody with a browser."""
    return Browser(house.browser)


async def drafts(house: House) -> list[DraftRow]:
    return await house.database.read(list_rows, select(DraftRow))


async def at(person: Browser, step: str, document: dict[str, Any]) -> Page:
    """The step of this name, everything before it answered."""
    await form.begin(person)
    return await form.fill_in(person, document, until=step)


def faults(page: Page) -> dict[str, str]:
    """The faults a summary names, by the field each leads to."""
    if 'id="summary"' not in page.source:
        return {}
    summary = page.source.split('id="summary"')[1].split("</ul>")[0]
    found: list[tuple[str, str]] = re.findall(r'<li><a href="[^"#]*#([^"]*)">([^<]*)</a></li>', summary)
    return {field: unescape(sentence) for field, sentence in found}


def at_fault(page: Page) -> set[str]:
    """The fields marked as faulty; a group of choices by the field its first one stands for."""
    marked = re.findall(r'<(?:input|textarea|select)[^>]* id="([^"]*)"[^>]* aria-invalid="true"', page.source)
    groups = re.findall(r'<fieldset[^>]* aria-describedby="([^"]*)-error"', page.source)
    return {*marked, *groups}


def way(pages: list[Page]) -> list[str]:
    """The steps that were open, one after the other."""
    return list(dict.fromkeys(map(form.step_of, pages)))


def stored(document: dict[str, Any]) -> dict[str, Any]:
    """What parsing adds to a document: the line that may be missing from an address."""
    return {name: {**value, "line2": None} for name, value in document.items() if name.endswith("_address")}


# the start


@pytest.mark.parametrize(
    ("today", "year", "offered"),
    [
        ("2026-11-21", "2027", ["2027", "2026", "2024"]),
        ("2026-08-31T12:00Z", "2026", ["2026", "2024"]),
        ("2025-01-01T06:59Z", "2025", ["2025", "2024"]),
        ("2030-01-01", "2024", []),
    ],
)
async def test_the_newest_open_plan_year_is_offered_and_the_others_can_be_chosen(
    house: House, person: Browser, today: str, year: str, offered: list[str]
) -> None:
    with time_machine.travel(today, tick=True):
        page = await person.open("/request")
        assert page.forms[-1].fields["plan_year"] == year
        assert re.findall(r'name="plan_year" type="radio" value="(\d+)"', page.source) == offered
        for other in offered:
            chosen = await person.open(f"/request?plan_year={other}")
            assert chosen.forms[-1].fields["plan_year"] == other
            assert form.place(await form.press(person, "Start")) == "/request/kind"
            house.browser.cookies.clear()
    assert {row.answers["plan_year"] for row in await drafts(house)} == set(offered)


@pytest.mark.parametrize(
    ("year", "said"),
    [("2025", "has closed"), ("2019", "no certification policy"), ("x", "no certification policy")],
)
async def test_a_plan_year_that_is_not_open_is_said_and_another_offered(house: House, year: str, said: str) -> None:
    with time_machine.travel("2026-11-21", tick=True):
        for answer, status in (
            (await house.browser.get("/request", params={"plan_year": year}), 200),
            (await house.post("/request", {"plan_year": year}), 422),
        ):
            reader = read(answer, status)
            assert said in reader.text
            assert "2027" in reader.text
    assert await drafts(house) == []


# the whole way


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_goes_from_step_to_step_to_one_case(
    house: House, person: Browser, kind: str, language: str
) -> None:
    document = KINDS[kind](language=language)
    await form.begin(person, language=language)
    await form.fill_in(person, document)
    assert way(person.seen[1:]) == [*_steps(kind), "check"]
    assert {(page.status, page.language, page.source.count("<h1")) for page in person.seen} == {(200, language, 1)}
    page = await form.hand_in(person, house.code)
    assert (page.status, form.place(page), page.language) == (200, form.DONE, language)
    assert document["email"] in page.text
    assert PHONE in page.source
    (case,) = await house.cases()
    assert case.request == {**document, **stored(document)}
    (record,) = await house.agreement(case.case_id)
    assert (record["language"], record["sha256"]) == (language, TEXT[language].sha256)


async def test_the_progress_is_said_once_the_kind_is_known(house: House, person: Browser) -> None:
    page = await form.begin(person)
    assert "Step" not in page.text
    page = await form.answer(person, **form.first("broker"))
    assert "Step 1 of 8: Name" in page.text
    await person.open("/request/kind")
    page = await form.answer(person, **form.first("enrollment_counselor"))
    assert "Step 1 of 7: Name" in page.text
    assert page.source.split("<title>")[1].startswith("Name – Certification Request Form – ")


@pytest.mark.parametrize("kind", KINDS)
async def test_every_page_of_the_form_is_sound_in_both_languages(house: House, kind: str) -> None:
    for language in ("en", "es"):
        person, document = Browser(house.browser), KINDS[kind]()
        house.browser.cookies.clear()
        await form.begin(person, language=language)
        for step in [*_steps(kind), "check"]:
            await form.fill_in(person, document, until=step)
            answer = await house.browser.get(f"/request/{step}")
            reader = read(answer)
            assert contacts(answer) == {PHONE}
            assert len(reader.of("h1")) == 1
            assert reader.of("html") == [{"lang": language}]
            switch = [one["href"] for one in reader.of("a") if "hreflang" in one]
            assert switch == [f"/request/{step}?lang={'es' if language == 'en' else 'en'}"]
            if step != "check":
                reader = read(await house.browser.get(f"/request/{step}?change=1"))
                assert [one["action"] for one in reader.of("form")] == [f"/request/{step}?change=1"]


async def test_a_counselor_need_not_accept_the_agreement(house: House, person: Browser) -> None:
    page = await form.send(person, documents.counselor(agreement_accepted=False), house.code)
    assert (page.status, form.place(page)) == (200, form.DONE)
    (case,) = await house.cases()
    assert (case.request["agreement_accepted"], await house.agreement(case.case_id)) == (False, [])


async def test_the_agreement_is_recorded_in_the_language_it_was_read_in(house: House, person: Browser) -> None:
    page = await at(person, "agreement", documents.broker(language="en"))
    assert TEXT["en"].text.splitlines()[2] in page.text
    page = await person.follow("Español")
    assert TEXT["es"].text.splitlines()[2] in page.text
    await form.answer(person, agreement_accepted="true")
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    assert [one["language"] for one in await house.agreement(case.case_id)] == ["es"]


async def test_an_acceptance_of_another_text_is_none(house: House, person: Browser) -> None:
    page = await at(person, "agreement", documents.broker())
    page = await form.answer(person, agreement_accepted="true", agreement_version="2020-1")
    assert (page.status, at_fault(page)) == (422, {"agreement_accepted"})
    assert "checked" not in page.source


async def test_a14_a_consent_is_kept_with_the_text_it_was_given_to(house: House, person: Browser) -> None:
    page = await at(person, "background-check", documents.counselor(language="en"))
    for told in ("Checkr, Inc.", "What is searched", "How long it is kept", "free of charge"):
        assert told in page.text, told
    assert page.text.lower().count("sample text") == 1, "the text itself says so"
    page = await form.answer(person, background_check_consent="true", consent_version="2020-1")
    assert (page.status, at_fault(page)) == (422, {"background_check_consent"})
    assert "checked" not in page.source
    page = await person.follow("Español")
    assert "Qué se busca" in page.text
    await form.answer(person, background_check_consent="true")
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    (kept,) = await house.list_facts(case.case_id, FactKind.BACKGROUND_CONSENTED)
    text = find_consent_text("es")
    assert (kept["language"], kept["version"], kept["sha256"]) == ("es", text.version, text.sha256)
    assert [one["language"] for one in await house.agreement(case.case_id)] == ["en"]


async def test_b2_the_form_addresses_its_reader_as_they_wish(house: House, person: Browser) -> None:
    await form.begin(person, language="es")
    document = documents.counselor(language="es")
    await form.fill_in(person, document, until="contact")
    page = await form.answer(person, **form.answers_of(document)["contact"], addressed_as="other")
    assert (page.status, at_fault(page)) == (422, {"addressed_as"})
    await form.answer(person, addressed_as="feminine")
    page = await form.fill_in(person, document, until="agreement")
    assert "Como consejera de inscripción puede" in page.text
    page = await form.fill_in(person, document)
    assert ("Consejera de inscripción" in page.text, "consejera, corredora (femenino)" in page.text) == (True, True)
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    assert case.request["addressed_as"] == "feminine"


# the first questions


async def test_a7_who_works_from_another_state_is_told_where_to_ask_before_any_step(
    house: House, person: Browser
) -> None:
    await form.begin(person)
    page = await form.answer(person, experience="new", kind="broker", work_state="NV")
    assert (page.status, form.place(page)) == (200, "/request/instead")
    assert "We can't certify you in Nevada" in page.text
    assert page.link("Nevada Health Link") == "https://www.nevadahealthlink.com"
    for path in ("name", "check", ""):
        await person.open(f"/request/{path}".rstrip("/"))
        page = person.page if path else await form.press(person, "Continue with my request")
        assert form.place(page) == "/request/instead", "there is no way around it"
    page = await person.follow("Español")
    assert "No podemos certificarle en Nevada" in page.text
    await person.open("/request/kind?lang=en")
    page = await form.answer(person, experience="new", kind="agent", work_state="FL")
    assert page.link("HealthCare.gov: the marketplace of each state").startswith("https://www.healthcare.gov/")
    assert urlsplit(page.link("Request to register with the Marketplace")).path == "/portal/register"
    await person.follow("Change my answers")
    assert person.page.forms[-1].fields["work_state"] == "FL"
    page = await form.answer(person, work_state="AZ")
    assert form.step_of(page) == "name"
    assert form.place(await person.open("/request/instead")) == "/request/name"
    assert "FL" not in "".join(page.url for page in person.seen)


async def test_a7_a_counselor_may_work_from_anywhere(house: House, person: Browser) -> None:
    await form.begin(person)
    page = await form.answer(person, experience="new", kind="enrollment_counselor", work_state="NV")
    assert form.step_of(page) == "name"


async def test_a8_who_was_certified_before_is_led_to_their_own_pages_and_may_go_on(
    house: House, person: Browser
) -> None:
    await form.begin(person)
    page = await form.answer(person, experience="returning")
    assert (page.status, form.place(page)) == (200, "/request/instead"), "without the other questions"
    assert urlsplit(page.link("Open my own pages")).path == "/me"
    page = await form.press(person, "Go on with the form")
    assert form.step_of(page) == "kind"
    page = await form.answer(person, experience="returning", kind="broker", work_state="NV")
    assert form.step_of(page) == "name", "who was here before may have moved"
    await form.fill_in(person, documents.broker())
    await form.hand_in(person, house.code)
    assert len(await house.cases()) == 1


async def test_without_the_draft_s_token_nobody_goes_on(house: House, person: Browser) -> None:
    await form.begin(person)
    await form.answer(person, experience="returning")
    answer = await house.post("/request/instead", {"form_token": "wrong"})
    assert answer.headers["location"] == "/request?why=expired"
    (row,) = await drafts(house)
    assert "form_anyway" not in row.answers


async def test_the_state_of_the_first_questions_is_not_asked_again(house: House, person: Browser) -> None:
    page = await at(person, "business-address", documents.agent())
    assert page.forms[-1].fields["business_address.state"] == "NM"
    page = await form.answer(person, business_address__line1="1 Sample Street", business_address__city="Sampletown",
                             business_address__state="TX", business_address__postal_code="87501")  # fmt: skip
    assert page.forms[-1].fields["physical_address.state"] == "NM"
    page = await person.follow("Back")
    assert page.forms[-1].fields["business_address.state"] == "TX"


async def test_a_draft_that_was_begun_before_the_first_questions_goes_on(house: House, person: Browser) -> None:
    await form.begin(person)
    (row,) = await drafts(house)
    old = {"kind": "broker", "first_name": "Testa", "last_name": "Broker"}
    await house.database.write(change_row, DraftRow, row.token_hash, answers={"plan_year": "2024", **old})
    page = await person.open("/request")
    page = await form.press(person, "Continue with my request")
    assert (form.step_of(page), page.status) == ("contact", 200)
    document = documents.broker()
    page = await form.fill_in(person, document)
    assert form.step_of(page) == "check"
    page = await person.follow("Change Kind of assister")
    assert (page.status, page.forms[-1].fields["kind"], page.forms[-1].fields["work_state"]) == (200, "broker", "")
    page = await form.answer(person)
    assert (page.status, list(faults(page))) == (422, ["experience", "work_state"]), "once it is opened, all are asked"
    page = await form.answer(person, **form.first("broker"))
    assert form.step_of(page) == "check"
    await form.hand_in(person, house.code)
    assert len(await house.cases()) == 1


async def test_p21_states_are_chosen_by_name_and_kept_by_their_letters(house: House, person: Browser) -> None:
    await at(person, "physical-address", documents.counselor())
    page = await person.open("/request/physical-address?lang=es")
    chosen = page.source.split('name="physical_address.state"')[1].split("</select>")[0]
    options = re.findall(r'<option value="(\w*)"(?: selected)?>([^<]*)</option>', chosen)
    assert {code for code, _ in options} == {"", *STATES}
    assert {("NM", "Nuevo México"), ("PR", "Puerto Rico"), ("PW", "Palaos")} <= set(options)
    assert [code for code, _ in options][-3:] == ["AA", "AE", "AP"]
    there = {**documents.address("AE"), "postal_code": "09012"}
    await form.answer(person, **{f"physical_address__{part}": text for part, text in there.items()})
    (row,) = await drafts(house)
    assert row.answers["physical_address.state"] == "AE"
    row.answers["physical_address.state"] = "ae"  # as it was typed before there was a list
    await house.database.write(change_row, DraftRow, row.token_hash, answers=row.answers)
    page = await person.open("/request/physical-address")
    assert page.forms[-1].fields["physical_address.state"] == "AE"


# faults


_TOO_LONG = "This is too long: at most {} characters or entries."
_STREET = "Enter the street and number."


@pytest.mark.parametrize(
    ("kind", "step", "changes", "told"),
    [
        ("broker", "kind", {"kind": ""}, {"kind": "Choose whether you are an agent"}),
        ("broker", "kind", {"kind": "navigator"}, {"kind": "Choose whether you are an agent"}),
        (
            "broker",
            "kind",
            {"experience": "", "kind": "", "work_state": ""},
            {
                "experience": "Choose whether you have been certified by beWellnm",
                "kind": "Choose whether you are an agent",
                "work_state": "Choose the state that you work from.",
            },
        ),
        ("broker", "kind", {"work_state": "ZZ"}, {"work_state": "Choose the state that you work from."}),
        ("broker", "name", {"first_name": " "}, {"first_name": "Enter your first name."}),
        (
            "broker",
            "name",
            {"first_name": "", "last_name": "李"},
            {"first_name": "Enter your first name.", "last_name": "Last name: Write the name as a certificate"},
        ),
        ("broker", "name", {"first_name": "Te\x00sta"}, {"first_name": "First name: Remove line breaks"}),
        ("broker", "name", {"last_name": "L" * 61}, {"last_name": "Last name: " + _TOO_LONG.format(60)}),
        ("agent", "contact", {"email": ""}, {"email": "Enter your e-mail address."}),
        ("agent", "contact", {"email": "nobody"}, {"email": "E-mail address: Enter an e-mail address, such as"}),
        ("agent", "contact", {"phone": "123"}, {"phone": "Phone number: Enter a phone number with 10"}),
        ("agent", "contact", {"language": "fr"}, {"language": "Language in which we write to you: Choose one of"}),
        ("agent", "license", {"npn": "N12"}, {"npn": "National Producer Number (NPN): Enter the National"}),
        (
            "agent",
            "license",
            {"npn": "", "license_number": ""},
            {"npn": "Enter your National", "license_number": "Enter the number of your New Mexico license."},
        ),
        ("agent", "insurers", {"insurers__0": ""}, {"insurers": "Enter the name of an insurance company"}),
        ("broker", "insurers", {"insurers__0": "  "}, {"insurers": "Enter the name of an insurance company"}),
        ("agent", "insurers", {"insurers__0": "A", "insurers__1": "B"}, {"insurers": "An agent represents one"}),
        (
            "broker",
            "insurers",
            {"insurers__0": "A", "insurers__3": "B" * 101},
            {"insurers.1": "Insurance company 2: " + _TOO_LONG.format(100)},
        ),
        (
            "broker",
            "business-address",
            {f"business_address__{part}": "" for part in ("line1", "city", "state", "postal_code")},
            {
                "business_address.line1": _STREET,
                "business_address.city": "Enter the city.",
                "business_address.state": "Choose the state from the list.",
                "business_address.postal_code": "Enter the ZIP code.",
            },
        ),
        (
            "broker",
            "physical-address",
            {"physical_address__state": "ZZ", "physical_address__postal_code": "875"},
            {
                "physical_address.state": "Choose the state from the list.",
                "physical_address.postal_code": "Physical address, ZIP code: Enter a ZIP code",
            },
        ),
        ("broker", "agreement", {"agreement_accepted": ""}, {"agreement_accepted": "Tick the box to accept"}),
        ("enrollment_counselor", "employer", {"employer__kind": ""}, {"employer.kind": "Choose what kind of"}),
        ("enrollment_counselor", "employer", {"employer__name": ""}, {"employer.name": "Enter the name of your"}),
        ("enrollment_counselor", "employer", {"employer__kind": "bank"}, {"employer.kind": "Choose what kind of"}),
        (
            "enrollment_counselor",
            "background-check",
            {"background_check_consent": ""},
            {"background_check_consent": "Tick the box to consent"},
        ),
    ],
)
async def test_a_fault_is_told_at_its_step_beside_its_field_and_in_the_summary(
    house: House, person: Browser, kind: str, step: str, changes: dict[str, str], told: dict[str, str]
) -> None:
    document = KINDS[kind]()
    await at(person, step, document)
    right = form.answers_of(document)[step]
    page = await form.answer(person, **{**right, **changes})
    assert (page.status, form.step_of(page)) == (422, step)
    found = faults(page)
    assert list(found) == list(told)
    assert all(found[field].startswith(sentence) for field, sentence in told.items())
    assert at_fault(page) == set(told)
    assert page.source.split("<title>")[1].startswith("Error: ")
    beside = [found[field].rpartition(": ")[2] for field in told if "Choose one of" not in found[field]]
    assert all(page.text.count(sentence) == 2 for sentence in beside if beside.count(sentence) == 1)
    page = await person.open("/request/check")
    assert form.step_of(page) == step, "the check page leads back to what is open"
    assert list(faults(page)) == list(told), "and says again what is wrong"
    assert await house.cases() == []


async def test_p21_a_zip_code_of_another_state_is_asked_about_and_taken(house: House, person: Browser) -> None:
    document = documents.counselor(physical_address=documents.address("NM", postal_code="75201"), language="en")
    page = await at(person, "check", document)
    assert "The ZIP code 75201 is one of Texas, and the state is New Mexico." in page.text
    assert 'href="/request/physical-address?change=1#physical_address.postal_code"' in page.source
    page = await person.follow("Español")
    assert "El código postal 75201 es de Texas, y el estado indicado es Nuevo México." in page.text
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    assert case.request["physical_address"]["postal_code"] == "75201"


async def test_faults_are_told_in_spanish_with_the_answers_kept(house: House, person: Browser) -> None:
    await form.begin(person, language="es")
    await form.answer(person, **form.first("broker"))
    page = await form.answer(person, first_name=" ", last_name="O'<b>\"")
    assert (page.status, page.language) == (422, "es")
    assert faults(page)["first_name"] == "Escriba su nombre."
    assert faults(page)["last_name"].startswith("Apellido: Escriba el nombre de una persona")
    assert page.forms[-1].fields["last_name"] == "O'<b>\""
    assert "<b>" not in page.source
    page = await person.follow("English")
    assert (page.status, page.language) == (422, "en")
    assert faults(page)["first_name"] == "Enter your first name."
    assert faults(page)["last_name"].startswith("Last name: Write a person's name")
    assert page.forms[-1].fields["last_name"] == "O'<b>\""


async def test_who_goes_back_comes_to_pages_and_never_to_a_form_that_was_sent(house: House, person: Browser) -> None:
    page = await at(person, "name", documents.broker())
    answer = await house.post("/request/name", {**page.forms[-1].fields, "first_name": " "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/request/name")
    answer = await house.post("/request/name?change=1", {**page.forms[-1].fields, "first_name": " "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/request/name?change=1")


async def test_a_step_takes_its_own_fields_and_nothing_else(house: House, person: Browser) -> None:
    await at(person, "name", documents.broker())
    more = {"npn": "1234567", "commission": "5", "sent": "x", "plan_year": "2027", "employer__kind": "clinic"}
    page = await form.answer(person, first_name="Testa", last_name="Broker", **more)
    assert form.step_of(page) == "contact"
    (row,) = await drafts(house)
    assert row.answers["plan_year"] == "2024"
    assert set(row.answers) == {"plan_year", "kind", "experience", "work_state", "first_name", "last_name"}


async def test_what_is_too_long_to_keep_is_told_and_not_kept(house: House, person: Browser) -> None:
    await at(person, "insurers", documents.broker())
    (before,) = await drafts(house)
    rows = {f"insurers__{number}": f"{number}" + "x" * 2000 for number in range(20)}
    for do in ({}, {"do": "add"}):
        page = await form.answer(person, **rows, **do)
        assert page.status == 422
        assert len(faults(page)) == 20
    (after,) = await drafts(house)
    assert after.answers == before.answers


# answers kept, changed, and asked anew


async def test_answers_are_kept_for_whoever_goes_back(house: House, person: Browser) -> None:
    document = documents.broker()
    page = await at(person, "insurers", document)
    for step in ("license", "contact", "name", "kind"):
        page = await person.follow("Back")
        assert form.step_of(page) == step
        asked = form.answers_of(document)[step]
        assert {name: page.forms[-1].fields[name] for name in asked} == asked
    assert form.place(await person.follow("Back")) == form.START
    page = await form.press(person, "Continue with my request")
    assert form.step_of(page) == "insurers", "the first step that is open"
    await person.open("/request/name")
    assert form.step_of(await form.answer(person)) == "contact"


async def test_a_change_leads_back_to_the_answers(house: House, person: Browser) -> None:
    document = documents.broker()
    page = await at(person, "check", document)
    assert len([1 for label, _ in page.links if label.startswith("Change ")]) == len(LICENSED) + 1
    page = await person.follow("Change Name")
    assert page.link("Back").endswith(form.CHECK)
    page = await form.answer(person, last_name="")
    assert page.status == 422
    page = await form.answer(person, last_name="Renamed")
    assert (form.step_of(page), "Renamed" in page.text) == ("check", True)
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    assert case.request["last_name"] == "Renamed"


async def test_another_kind_keeps_what_still_applies_and_asks_what_is_missing(house: House, person: Browser) -> None:
    broker, counselor = documents.broker(), documents.counselor()
    await at(person, "check", broker)
    await person.follow("Change Kind of assister")
    page = await form.answer(person, **form.first("enrollment_counselor"))
    assert form.step_of(page) == "employer"
    page = await form.answer(person, **form.answers_of(counselor)["employer"])
    assert form.step_of(page) == "background-check"
    page = await form.answer(person, background_check_consent="true")
    assert form.step_of(page) == "check"
    assert ("Sample Clinic" in page.text, broker["license_number"] in page.text) == (True, False)
    await person.follow("Change Kind of assister")
    page = await form.answer(person, **form.first("agent"))
    assert (form.step_of(page), list(faults(page))) == ("insurers", ["insurers"]), "a broker's two are one too many"
    page = await form.press(person, "Remove Example Mutual")
    page = await form.answer(person)
    assert form.step_of(page) == "check"
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    wanted = {**broker, "kind": "agent", "insurers": ["Sample Health"]}
    assert case.request == {**wanted, **stored(wanted)}


async def test_an_optional_agreement_becomes_required_with_the_kind(house: House, person: Browser) -> None:
    await at(person, "check", documents.counselor(agreement_accepted=False))
    await person.follow("Change Kind of assister")
    broker, before = documents.broker(), len(person.seen)
    await form.answer(person, **form.first("broker"))
    await form.fill_in(person, broker)
    assert way(person.seen[before:]) == ["license", "insurers", "business-address", "agreement", "check"]


async def test_rows_of_insurance_companies_come_and_go_without_scripts(house: House, person: Browser) -> None:
    page = await at(person, "insurers", documents.broker())
    assert [name for name in page.forms[-1].fields if name.startswith("insurers.")] == ["insurers.0"]
    page = await form.press(person, "Add another insurance company", insurers__0="First Sample")
    page = await form.press(person, "Add another insurance company", insurers__1="Second Sample")
    page = await form.press(person, "Add another insurance company", insurers__2="Third Sample")
    assert (page.status, faults(page)) == (200, {}), "an empty row is no fault yet"
    assert _rows(page) == ["First Sample", "Second Sample", "Third Sample", ""]
    page = await form.press(person, "Remove Second Sample", insurers__0="First Renamed")
    assert _rows(page) == ["First Renamed", "Third Sample"]
    page = await person.follow("Español")
    assert _rows(page) == ["First Renamed", "Third Sample"]
    await form.answer(person, insurers__1="")
    page = await person.open("/request/insurers?lang=en")
    assert _rows(page) == ["First Renamed"]
    assert "Remove" not in page.text
    page = await person.open("/request/insurers?rows=99&change=1")
    assert len(_rows(page)) == 50
    assert "Add another insurance company" not in page.text
    assert len(_rows(await person.open("/request/insurers?rows=٣"))) == 1


async def test_a2_insurers_are_suggested_and_each_is_kept_once(house: House, person: Browser) -> None:
    page = await at(person, "insurers", documents.agent())
    known = POLICIES["bewellnm", 2024].insurers
    suggested = page.source.split('<datalist id="known-insurers">')[1].split("</datalist>")[0]
    assert tuple(unescape(one) for one in re.findall(r'<option value="([^"]*)">', suggested)) == known
    assert 'list="known-insurers"' in page.source.split('name="insurers.0"')[1].split(">")[0]
    twice = {"insurers__0": "Sample  Health", "insurers__1": "SAMPLE health", "insurers__2": "sample health "}
    page = await form.answer(person, **twice)
    assert form.step_of(page) == "business-address", "an agent named one"
    (row,) = await drafts(house)
    assert row.answers["insurers"] == "Sample Health"


async def test_an_agent_names_one_company_and_has_no_rows_to_add(house: House, person: Browser) -> None:
    page = await at(person, "insurers", documents.agent())
    assert list(page.forms[-1].buttons) == ["Continue"]
    assert _rows(page) == [""]


async def test_the_physical_address_may_be_the_business_address_and_follows_it(house: House, person: Browser) -> None:
    document = documents.broker()
    await at(person, "physical-address", document)
    page = await form.answer(person, physical_same="true", physical_address__city="Ignored")
    assert form.step_of(page) == "agreement"
    page = await form.fill_in(person, document)
    assert "Same as the business address" in page.text
    await person.follow("Change Business address")
    page = await form.answer(person, business_address__city="Movedtown")
    assert form.step_of(page) == "check"
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    assert case.request["physical_address"] == case.request["business_address"]
    assert case.request["physical_address"]["city"] == "Movedtown"


async def test_an_address_that_is_no_longer_the_same_keeps_what_stood(house: House, person: Browser) -> None:
    document = documents.broker()
    await at(person, "physical-address", document)
    await form.answer(person, physical_same="true")
    await form.fill_in(person, document)
    page = await person.follow("Change Business address")
    assert "it changes along with this one" in page.text
    await form.answer(person, business_address__city="Movedtown")
    page = await person.follow("Change Physical address")
    await form.answer(person, physical_same="")
    await person.follow("Change Business address")
    await form.answer(person, business_address__city="Elsewhere")
    await form.hand_in(person, house.code)
    (case,) = await house.cases()
    cities = [case.request[f"{which}_address"]["city"] for which in ("business", "physical")]
    assert cities == ["Elsewhere", "Movedtown"]


async def test_the_same_address_is_kept_by_who_turns_counselor(house: House, person: Browser) -> None:
    await at(person, "physical-address", documents.broker())
    await form.answer(person, physical_same="true")
    await form.fill_in(person, documents.broker())
    await person.follow("Change Kind of assister")
    await form.answer(person, **form.first("enrollment_counselor"))
    page = await form.answer(person, employer__kind="exchange")
    assert form.step_of(page) == "background-check", "the address is no longer asked for"
    page = await person.open("/request/physical-address")
    assert page.forms[-1].fields["physical_address.city"] == "Sampletown"
    assert "physical_same" not in page.source


async def test_the_plan_year_can_be_changed_on_the_way(house: House, person: Browser) -> None:
    with time_machine.travel("2026-11-21", tick=True):
        await at(person, "check", documents.broker())
        page = await person.follow("Change Plan year")
        assert page.forms[-1].fields["plan_year"] == "2024"
        page = await form.press(person, "Continue with my request", plan_year="2027")
        assert (form.step_of(page), "2027" in page.text) == ("check", True)
        await form.hand_in(person, house.code)
    (case,) = await house.cases()
    assert case.plan_year == 2027


async def test_a_later_step_by_its_address_leads_to_the_first_that_is_open(house: House, person: Browser) -> None:
    await form.begin(person)
    for path in ("name", "agreement", "check", "employer"):
        assert form.step_of(await person.open(f"/request/{path}")) == "kind"
    await form.answer(person, **form.first("broker"))
    await form.answer(person, first_name="Testa", last_name="Broker")
    for path in ("agreement", "check", "employer", "background-check"):
        assert form.step_of(await person.open(f"/request/{path}")) == "contact"
    page = person.page
    token = page.forms[-1].fields["form_token"]
    for path in ("agreement", "check"):
        posted = await house.post(f"/request/{path}", {"form_token": token, "agreement_accepted": "true"})
        assert (posted.status_code, posted.headers["location"]) == (303, "/request/contact")
    (row,) = await drafts(house)
    assert "agreement_accepted" not in row.answers
    assert (await house.browser.get("/request/nothing")).status_code == 404


# sending


async def answered(house: House) -> list[tuple[str, str, list[str]]]:
    """The letters that are to be sent in answer to requests: to whom, what, and the codes of what is wrong."""
    rows = await house.database.read(list_rows, select(AnswerRow).order_by(col(AnswerRow.asked_at)))
    return [(row.email, row.answer, [code for _, code, *_ in row.faults]) for row in rows]


async def test_d4_whatever_becomes_of_a_request_its_sender_sees_the_same_page(house: House) -> None:
    """New, repeated, another's NPN, out of scope, a plan year that closes on the way; what differs comes by mail."""
    known = documents.broker()
    await house.open(known)
    await house.prove((await house.cases())[0].case_id)
    far: dict[str, Any] = {field: documents.address("NV") for field in ("business_address", "physical_address")}
    requests = [
        documents.broker(),
        known,
        {**known, "last_name": "Other", "email": "other@example.com"},
        documents.broker(**far),
        documents.broker(plan_year=2026),
    ]
    told = []
    for request in requests:
        house.browser.cookies.clear()
        person = Browser(house.browser)
        with time_machine.travel("2026-12-31T23:30-07:00", tick=True) as traveller:
            await form.begin(person, plan_year=request["plan_year"])
            await form.fill_in(person, request)
            if request["plan_year"] == 2026:
                traveller.move_to("2027-01-01T00:30-07:00")
            page = await form.hand_in(person, house.code)
        assert form.place(page) == form.DONE
        year = str(request["plan_year"])
        told.append((page.status, form.REFERENCE.sub("…", page.text.replace(request["email"], "…").replace(year, "…"))))
    assert len(set(told)) == 1
    assert len(await house.cases()) == 2
    assert sorted(await answered(house)) == sorted(
        [
            (known["email"], "repeated", []),
            ("other@example.com", "conflict", []),
            (requests[3]["email"], "refused", ["intake_scope"] * 2),
            (requests[4]["email"], "refused", ["window_closed"]),
        ]
    )
    assert "identity_conflict" in {case.flag for case in await house.cases()}


async def test_the_reference_number_is_the_same_on_every_page_and_staff_find_the_case_by_it(
    house: House, person: Browser
) -> None:
    document = documents.broker()
    page = await form.send(person, document, house.code)
    (number,) = form.REFERENCE.findall(page.text)
    (case,) = await house.cases()
    assert number == make_reference_number(case.case_id)
    for path in ("/me", f"/me/{case.case_id}"):
        assert number in (await person.open(path)).text
    assert f"{document['first_name']} {document['last_name']}" in person.page.text
    csrf = await house.sign_in()
    await house.open(documents.agent())
    assert number in (await person.open(f"/staff/cases/{case.case_id}")).text
    for written in (number, number.replace("-", " ").lower()):
        found = await house.post("/staff/search", {"words": written, "csrf_token": csrf})
        assert "Cases found: 1" in read(found).text
        assert case.case_id in found.text


async def test_staff_find_a_case_by_the_number_that_a_request_sent_again_was_confirmed_under(house: House) -> None:
    document = documents.broker()
    numbers = []
    for _ in range(2):
        house.browser.cookies.clear()
        page = await form.send(Browser(house.browser), document, house.code)
        numbers += form.REFERENCE.findall(page.text)
    (case,) = await house.cases()
    own = make_reference_number(case.case_id)
    assert [number == own for number in numbers] == [True, False]
    (letter,) = await house.database.read(list_rows, select(AnswerRow))
    assert (letter.answer, letter.reference) == ("repeated", own)
    csrf = await house.sign_in()
    await house.open(documents.agent())
    for number in numbers:
        found = await house.post("/staff/search", {"words": number, "csrf_token": csrf})
        assert "Cases found: 1" in read(found).text
        assert case.case_id in found.text


async def test_d1_nothing_is_done_before_the_address_is_confirmed(house: House, person: Browser) -> None:
    request = documents.broker()
    await form.begin(person)
    await form.fill_in(person, request)
    page = await form.press(person, "Send the request")
    assert form.place(page) == form.CONFIRM
    assert "Your request is not sent yet." in page.text
    for wrong in ("", "no code", "000000 "):
        page = await form.press(person, "Go on", code=wrong)
        assert page.status == 422
    assert (await house.cases(), await answered(house)) == ([], [])
    page = await form.press(person, "Go on", code=await house.code(request["email"]))
    assert form.place(page) == form.DONE
    assert len(await house.cases()) == 1
    assert "Sign out" in (await person.open("/me")).text


async def test_d1_a_code_is_not_used_up_where_the_request_can_t_be_taken(
    house: House, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Request, draft and session are one transaction with it: nothing is halfway."""
    fail_once(monkeypatch, "db.writes.own.requests.open_own_session")
    request = documents.broker()
    await form.begin(person)
    await form.fill_in(person, request)
    await form.press(person, "Send the request")
    code = await house.code(request["email"])
    assert (await form.press(person, "Go on", code=code)).status == 500
    assert await house.cases() == []
    await person.open(form.CONFIRM)
    assert form.place(await form.press(person, "Go on", code=code)) == form.DONE
    assert len(await house.cases()) == 1


async def test_d1_a_code_to_another_address_confirms_nothing(house: House, person: Browser) -> None:
    await form.begin(person)
    await form.fill_in(person, documents.broker(email="testa.broker@example.com"))
    await form.press(person, "Send the request")
    await house.browser.post("/me/code", data={"email": "stranger@example.com"})
    await house.code("stranger@example.com")
    page = await person.open(form.CONFIRM)
    assert form.place(page) == form.CHECK
    await form.press(person, "Send the request")
    await person.open("/request/contact?change=1")
    await form.press(person, "Continue", email="victim@example.com")
    page = await person.open(form.CONFIRM)
    assert form.place(page) == form.CHECK
    assert await house.cases() == []


async def test_a_returning_assister_who_sends_the_form_finds_their_case_and_brings_the_agreement(
    house: House, person: Browser
) -> None:
    case_id = await house.begin(returning(npn="7654321"))
    await form.send(person, documents.broker(npn="7654321"), house.code)
    assert [one["sha256"] for one in await house.agreement(case_id)] == [TEXT["en"].sha256]


async def test_a_request_sent_twice_at_once_is_one_and_its_confirmation_can_be_opened_again(
    house: House, person: Browser
) -> None:
    document = documents.broker()
    page = await at(person, "check", document)
    await house.own_session(document["email"])
    sent = page.forms[-1].fields
    for _ in range(2):
        answer = await house.post("/request/check", sent)
        assert (answer.status_code, answer.headers["location"]) == (303, form.DONE)
    for path in ("/request/done", "/request/check", "/request/kind"):
        page = await person.open(path)
        assert form.place(page) == form.DONE
        assert "We are writing to" in page.text
    assert len(await house.cases()) == 1
    page = await form.begin(person)
    assert (form.step_of(page), page.forms[-1].fields.get("kind")) == ("kind", None)


# the draft


async def test_sending_deletes_the_answers(house: House, person: Browser) -> None:
    await at(person, "check", documents.broker())
    (row,) = await drafts(house)
    assert row.answers["last_name"] == "Broker"
    await form.hand_in(person, house.code)
    (left,) = await drafts(house)
    (case,) = await house.cases()
    sent = {name: case.request[name] for name in ("email", "kind")}
    assert left.answers == {**sent, "plan_year": "2024", "sent": "yes"}


async def test_an_expired_draft_leads_to_the_start_and_says_so(house: House, person: Browser) -> None:
    with time_machine.travel("2026-11-21T12:00Z", tick=False) as traveller:
        await form.begin(person, language="es")
        await form.answer(person, **form.first("broker"))
        traveller.shift(LIFE - timedelta(seconds=1))
        page = await form.answer(person, first_name="Testa", last_name="Broker")
        assert form.step_of(page) == "contact", "each step begins the two hours anew"
        traveller.shift(LIFE)
        for path in ("name", "check"):
            page = await person.open(f"/request/{path}")
            assert form.place(page) == form.START
            assert "Sus respuestas ya no están aquí" in page.text
        lost = await house.post("/request/contact", {"email": "testa@example.com"})
        assert lost.headers["location"] == "/request?why=expired"
        assert await house.database.write(purge_drafts, datetime.now(UTC)) == 1
    assert await drafts(house) == []


async def test_who_accepts_no_cookies_is_told(house: House, person: Browser) -> None:
    await person.open("/request")
    answer = await house.post("/request", {"plan_year": "2024"})
    house.browser.cookies.clear()
    page = await person.open(answer.headers["location"])
    assert form.place(page) == form.START
    assert "does not accept our cookie" in page.text
    page = await person.open("/request/name")
    assert "no longer here" in page.text


async def test_two_drafts_know_nothing_of_each_other(house: House, person: Browser) -> None:
    first, second = documents.broker(last_name="Firstperson"), documents.counselor(last_name="Secondperson")
    await at(person, "check", first)
    cookies = dict(house.browser.cookies)
    house.browser.cookies.clear()
    other = Browser(house.browser)
    await at(other, "check", second)
    assert "Firstperson" not in other.page.text
    stolen = {"form_token": person.page.forms[-1].fields["form_token"]}
    refused = await house.post("/request/check", stolen)
    assert refused.headers["location"] == "/request?why=expired"
    assert await house.cases() == []
    assert form.place(await form.hand_in(other, house.code)) == form.DONE
    house.browser.cookies.clear()
    house.browser.cookies.update(cookies)
    page = await person.open("/request/check")
    assert "Firstperson" in page.text
    assert form.place(await form.hand_in(person, house.code)) == form.DONE
    assert {case.request["last_name"] for case in await house.cases()} == {"Firstperson", "Secondperson"}


async def test_starting_again_deletes_the_answers_and_older_pages_change_nothing(house: House, person: Browser) -> None:
    page = await at(person, "contact", documents.broker())
    older = page.forms[-1].fields
    await person.open("/request")
    page = await form.press(person, "Delete my answers and start again")
    assert form.step_of(page) == "kind"
    (row,) = await drafts(house)
    assert row.answers == {"plan_year": "2024"}
    answer = await house.post("/request/kind", {**older, "kind": "broker"})
    page = await person.open(answer.headers["location"])
    assert "That page was out of date" in page.text
    answer = await house.post("/request", {**older, "plan_year": "2024", "do": "continue"})
    assert answer.headers["location"] == "/request?why=expired"
    (row,) = await drafts(house)
    assert row.answers == {"plan_year": "2024"}


@pytest.mark.parametrize("given", ["", "wrong", "é"])
async def test_a_form_without_the_draft_s_token_changes_nothing(house: House, person: Browser, given: str) -> None:
    await form.begin(person)
    (before,) = await drafts(house)
    answer = await house.post("/request/kind", {"kind": "broker", "form_token": given})
    assert (answer.status_code, answer.headers["location"]) == (303, "/request?why=expired")
    (after,) = await drafts(house)
    assert after.answers == before.answers


async def test_the_cookie_holds_nothing_but_a_secret_whose_hash_is_kept(house: House) -> None:
    answer = await house.post("/request", {"plan_year": "2024"})
    cookie = answer.headers["set-cookie"]
    secret = re.fullmatch(rf"{DRAFTS.name}=([\w-]{{43}}); HttpOnly; Path=/request; SameSite=lax", cookie)
    assert secret
    (draft,) = [one for one in await drafts(house) if one.token_hash == hash_token(secret[1])]
    assert draft.answers == {"plan_year": "2024"}
    assert secret[1] not in str([row.model_dump() for row in await drafts(house)])


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_personal_is_in_an_address_or_a_cookie(house: House, kind: str) -> None:
    document = KINDS[kind](first_name="Inventada", last_name="Persona-Sintética", phone="505-555-0177")
    private = ["inventada", "persona", "sint", document["email"].partition("@")[0], "0177", "sampletown", "sample"]
    private += [document[name].lower() for name in ("npn", "license_number") if name in document]
    asked: list[str] = []

    async def note(request: httpx2.Request) -> None:
        asked.append(f"{request.url} {request.headers.get('cookie', '')} {request.headers.get('referer', '')}")

    house.browser.event_hooks = {"request": [note]}
    person = Browser(house.browser)
    await at(person, "contact", document)
    assert (await form.answer(person, email=f"{document['email']}@", phone="0177")).status == 422
    await form.fill_in(person, document)
    assert form.place(await form.hand_in(person, house.code)) == form.DONE
    assert len(asked) > 15
    assert [one for one in asked if any(word in one.lower() for word in private)] == []
    assert {name for page in person.seen for name in urlsplit(page.url).query.split("&") if name} <= {
        "rows=2",
    }


async def test_a_form_that_can_not_be_read_is_refused(house: House) -> None:
    for path in ("/request", "/request/name"):
        as_json = await house.browser.post(path, json=documents.broker())
        assert as_json.status_code == 415
        for body in (b"kind=%ff", b"&".join(b"a=1" for _ in range(300)), b"\xff"):
            broken = await house.browser.post(
                path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}
            )
            assert broken.status_code == 400


def test_every_sentence_of_the_form_is_there_in_spanish() -> None:
    said = [step.title for step in STEPS] + [*MISSING.values(), *OTHERWISE.values()]
    assert [one for one in said if translate(one, "es") == one] == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_that_is_missing_is_asked_for_in_its_own_words(kind: str) -> None:
    faults = find_faults({"kind": kind, "plan_year": "2024", "work_state": "??"})
    assert len(faults) > len(COUNSELORS)
    assert [one["message"] for one in word_faults(faults, "en") if not one["named"]] == []


@pytest.mark.parametrize("role", ["marketplace_agent_broker", "not_an_agent_broker"])
def test_each_field_that_the_marketplace_misses_is_asked_for_in_its_own_words(role: str) -> None:
    contacts = {f"{name}.address.line2": "2" for name in ("business_contact", "professional_contact")}
    answers = {"role": role, "plan_year": "2024", **contacts}
    faults = [one for one in walk_request(answers).faults if one.code != "npn_required"]
    assert len(faults) > len(COUNSELORS)
    assert [one["message"] for one in word_faults(faults, "en") if not one["named"]] == []


def _steps(kind: str) -> list[str]:
    return COUNSELORS if kind == "enrollment_counselor" else LICENSED


def _rows(page: Page) -> list[str]:
    return [text for name, text in page.forms[-1].fields.items() if name.startswith("insurers.")]
