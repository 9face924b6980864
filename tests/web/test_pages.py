"""The pages as a browser meets them, over the real database: forms, links, certificates, and whose contact is shown."""

from typing import Any

import httpx2
import pytest

from db.reads.cases import read_audit
from domain.shared.cases.facts import FactKind
from domain.state.agreements import find_agreement
from tests.support import documents
from tests.templates.contexts import PHONE, PORTALS, TRAINING
from tests.templates.rendered import Reader
from tests.web.house import NUMBER, PDF, House

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
TEXT = {language: find_agreement("bewellnm", language) for language in ("en", "es")}


def read(answer: httpx2.Response, status: int = 200) -> Reader:
    """The page, after it was found to be sound."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-robots-tag"] == "noindex"
    reader = Reader(answer.text)
    assert reader.opened == []
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.of("html") == [{"lang": answer.headers["content-language"]}]
    assert "None" not in reader.text
    for _, attributes in reader.tags:
        named = [attributes.get("for"), *(attributes.get("aria-describedby") or "").split()]
        href = attributes.get("href") or ""
        named.append(href[1:] if href.startswith("#") else None)
        assert {name for name in named if name} <= set(reader.ids)
    return reader


def contacts(answer: httpx2.Response) -> set[str]:
    return {contact for contact in (PHONE, PORTALS, TRAINING) if contact in answer.text}


def answers(reader: Reader) -> dict[str, str | None]:
    """What the text fields and the lists hold."""
    typed = {
        field["name"] or "": field["value"]
        for field in reader.of("input")
        if field.get("type") not in ("hidden", "file")
    }
    return {**typed, **reader.chosen}


def returning(**changes: Any) -> dict[str, Any]:
    request = documents.broker(**changes)
    kept = ("kind", "language", "first_name", "last_name", "email", "phone", "npn", "license_number", "insurers")
    addresses = {name: request[name] for name in ("business_address", "physical_address")}
    return {**{name: request[name] for name in kept}, **addresses}


# the language


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/request", "", "en"),
        ("/request", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("/request", "fr, en;q=0.3, es;q=0.4", "es"),
        ("/request", "es;q=0, en", "en"),
        ("/request", "*", "en"),
        ("/request?lang=en", "es", "en"),
        ("/request?lang=es", "en", "es"),
        ("/request?lang=fr", "es", "es"),
    ],
)
async def test_the_language_is_the_address_s_else_the_browser_s(
    house: House, path: str, accepted: str, language: str
) -> None:
    answer = await house.browser.get(path, headers={"accept-language": accepted})
    reader = read(answer)
    assert reader.of("html") == [{"lang": language}]
    assert contacts(answer) == {PHONE}


# the status page


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["", "/information", "/agreement", "/certificate"])
async def test_d6_a_case_that_is_unknown_or_another_s_is_not_found(house: House, method: str, path: str) -> None:
    case_id = await house.open(documents.broker())
    if (method == "post") != (path in ("/information", "/agreement")):
        return
    await house.own_session("somebody.else@example.com")
    for link in ("/me/unknown", f"/me/{case_id}"):
        answer = await house.browser.request(method, link + path, headers={"accept-language": "es"})
        assert "No hay nada suyo en esta dirección" in read(answer, 404).text
        assert contacts(answer) == {PHONE}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["", "/information", "/agreement", "/certificate"])
async def test_d6_a_link_of_before_leads_to_the_sign_in_and_tells_nothing(house: House, method: str, path: str) -> None:
    known = await house.open(documents.broker())
    for link in ("/status/unknown", f"/status/{known}"):
        answer = await house.browser.request(method, link + path)
        assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/me", "")


async def test_the_status_page_speaks_the_assister_s_language_unless_told_otherwise(house: House) -> None:
    link = await house.link(await house.open(documents.counselor(language="es")))
    assert read(await house.browser.get(link, headers={"accept-language": "en"})).of("html") == [{"lang": "es"}]
    assert read(await house.browser.get(f"{link}?lang=en")).of("html") == [{"lang": "en"}]


async def test_the_status_page_follows_the_case_and_shows_the_contact_of_what_is_waited_for(house: House) -> None:
    case_id = await house.open(documents.broker())
    link = await house.link(case_id)
    assert await _steps(house, link) == (["done", "next", *["later"] * 5], {PHONE})
    await house.decide(case_id, "approve")
    await house.facts(case_id, FactKind.LMS_INVITED)
    assert await _steps(house, link) == (["done", "done", "next", *["later"] * 4], {TRAINING})
    assert "https://lms.example.org" in (await house.browser.get(link)).text
    await house.certify(case_id)
    assert await _steps(house, link) == ([*["done"] * 5, "next", "later"], {PORTALS})
    assert "https://portal.example.org/register" in (await house.browser.get(link)).text
    await house.facts(case_id, FactKind.PORTAL_REGISTERED, FactKind.PORTAL_PROFILE_COMPLETED)
    assert await _steps(house, link) == ([*["done"] * 5, "next", "later"], {PORTALS})
    assert "/register" not in (await house.browser.get(link)).text
    assert "The portal account, its profile or the Scheduling Tool is not ready." in (
        read(await house.browser.get(link)).text
    )
    await house.facts(case_id, FactKind.SCHEDULING_TOOL_READY)
    assert await _steps(house, link) == (["done"] * 7, {PHONE})
    assert "You may help consumers" in read(await house.browser.get(link)).text
    await house.facts(case_id, FactKind.REVOKED, reason="The agreement was not kept.")
    assert await _steps(house, link) == ([*["done"] * 6, "later"], {PHONE})
    assert "The agreement was not kept." in read(await house.browser.get(link)).text


async def test_a_denied_assister_reads_the_reason(house: House) -> None:
    case_id = await house.open(documents.broker())
    await house.decide(case_id, "deny", "The licence & the name differ.")
    reader = read(await house.browser.get(await house.link(case_id)))
    assert "The licence & the name differ." in reader.text


# the answer


async def _asked(house: House, document: dict[str, Any]) -> tuple[str, str]:
    case_id = await house.open(document)
    await house.decide(case_id, "ask", "Which address is right?")
    return case_id, await house.link(case_id)


async def test_the_question_is_answered_on_the_page(house: House) -> None:
    document = documents.broker()
    _, link = await _asked(house, document)
    reader = read(await house.browser.get(link))
    assert "Which address is right?" in reader.text
    shown = {name: value or "" for name, value in answers(reader).items()}
    assert shown["physical_address.city"] == "Sampletown"
    posted = {**shown, "insurers": "Sample Health\r\nExample Mutual\r\nThird Sample", "message": "The new one.\r\nBye"}
    answer = await house.post(f"{link}/information?lang=es", {**posted, "physical_address.city": "Newtown"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{link}?answered=1&lang=es")

    waiting = read(await house.browser.get(answer.headers["location"]))
    assert "Gracias. Recibimos su respuesta" in waiting.text
    assert [field["id"] for field in waiting.of("textarea")] == ["withdraw-reason"]
    (command,) = await house.apply_commands()
    assert command.reason == "The new one.\nBye"
    assert set(command.data["changes"]) == {"insurers", "physical_address"}
    (case,) = await house.cases()
    assert case.request["physical_address"] == {**document["physical_address"], "city": "Newtown", "line2": None}
    assert case.request["insurers"] == ["Sample Health", "Example Mutual", "Third Sample"]

    assert "Gracias" in read(await house.browser.get(answer.headers["location"])).text
    assert "Thank you" not in read(await house.browser.get(f"{link}?lang=en")).text
    late = read(await house.post(f"{link}/information?lang=en", posted), 409)
    assert "moved on" in late.text


@pytest.mark.parametrize("fields", [[], ["business_address"]], ids=["all", "business"])
async def test_an_answer_s_address_is_followed_by_the_one_that_is_the_same(house: House, fields: list[str]) -> None:
    case_id = await house.open(documents.broker())
    asked = {"verdict": "ask", "by": "staff", "reason": "Which?", "override": None, "round": 0, "fields": fields}
    await house.facts(case_id, FactKind.SCREENED, round=0, findings=[])
    await house.facts(case_id, FactKind.DECIDED, **asked)
    link = await house.link(case_id)
    reader = read(await house.browser.get(link))
    (box,) = [field for field in reader.of("input") if field.get("name") == "physical_same"]
    assert "checked" in box
    posted = {"message": "It is.", "physical_same": "true", "business_address.line1": "9 Sample Street"}
    there = {f"business_address.{part}": text for part, text in documents.address("TX").items()}
    wrong = read(await house.post(f"{link}/information?lang=en", {**there, **posted, "business_address.city": ""}), 422)
    faulty = {field["id"] for field in wrong.of("input") if field.get("aria-invalid")}
    assert faulty == {"business_address.city"}, "told of one field"
    assert (await house.post(f"{link}/information", {**there, **posted})).status_code == 303
    (command,) = await house.apply_commands()
    assert set(command.data["changes"]) == {"business_address", "physical_address"}
    (case,) = await house.cases()
    assert case.request["physical_address"] == case.request["business_address"]
    assert case.request["physical_address"]["line1"] == "9 Sample Street"


async def test_an_answer_s_faults_are_shown_with_what_was_written(house: House) -> None:
    _, link = await _asked(house, documents.broker())
    form = {"message": "", "email": "nobody", "last_name": "", "phone": "505-555-0199"}
    reader = read(await house.post(f"{link}/information?lang=en", form), 422)
    faulty = {field["id"] for tag in ("input", "textarea") for field in reader.of(tag) if field.get("aria-invalid")}
    assert faulty == {"message", "email", "last_name"}
    assert answers(reader)["phone"] == "505-555-0199"
    assert await house.apply_commands() == []


async def test_a_counselor_corrects_the_employer(house: House) -> None:
    _, link = await _asked(house, documents.counselor())
    shown = {name: value or "" for name, value in answers(read(await house.browser.get(link))).items()}
    posted = {**shown, "message": "It has moved.", "employer.kind": "school", "employer.name": "Example School"}
    answer = await house.post(f"{link}/information", posted)
    assert answer.status_code == 303
    await house.apply_commands()
    (case,) = await house.cases()
    assert case.request["employer"] == {"kind": "school", "name": "Example School"}
    assert case.request["background_check_consent"] is True


@pytest.mark.parametrize(
    "changes", [{"phone": "505-555-0177"}, {"changes": {"phone": "505-555-0177"}}, {}], ids=["flat", "inside", "none"]
)
async def test_a_script_s_answer_is_kept_until_a_worker_comes(house: House, changes: dict[str, Any]) -> None:
    _, link = await _asked(house, documents.broker())
    answer = await house.browser.post(f"{link}/information", json={"message": "Here it is.", **changes})
    assert answer.status_code == 202
    assert answer.json()["state"] == "pending"
    (command,) = await house.apply_commands()
    assert answer.json()["command_id"] == command.id
    (case,) = await house.cases()
    assert case.request["phone"] == ("505-555-0177" if changes else "505-555-0100")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["message"]),
        ({"message": "   "}, ["message"]),
        ({"message": 5}, ["message"]),
        ({"message": "x" * 4001}, ["message"]),
        ({"message": "a\x00b"}, ["message"]),
        ({"message": "yes", "changes": ["phone"]}, ["changes"]),
        ({"message": "yes", "favourite": "blue"}, ["favourite"]),
        ({"message": "yes", "plan_year": 2025}, ["plan_year"]),
        ({"message": "yes", "physical_address": {"planet": "Mars"}}, ["physical_address.planet"]),
        ({"message": "", "email": "nobody", "changes": {"npn": "N12"}}, ["message", "npn", "email"]),
        ([], ["body"]),
    ],
)
async def test_a_script_is_told_every_field_at_fault(house: House, body: Any, fields: list[str]) -> None:
    _, link = await _asked(house, documents.broker())
    answer = await house.browser.post(f"{link}/information", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)
    assert await house.apply_commands() == []


async def test_a_script_s_answer_that_nobody_asked_for_is_refused(house: House) -> None:
    link = await house.link(await house.open(documents.broker()))
    unasked = await house.browser.post(f"{link}/information", json={"message": "Hello"})
    assert (unasked.status_code, unasked.json()["status"]) == (409, 409)
    unknown = await house.browser.post("/me/unknown/information", json={"message": "Hello"})
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    garbled = await house.browser.post(
        f"{link}/information", content=b"{", headers={"content-type": "application/json"}
    )
    assert (garbled.status_code, garbled.json()["errors"][0]["code"]) == (422, "json")


# the agreement


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_returning_assister_accepts_the_agreement_on_the_page(house: House, language: str) -> None:
    case_id = await house.begin(returning())
    link = await house.link(case_id)
    page = await house.browser.get(f"{link}?lang={language}")
    reader = read(page)
    assert TEXT[language].text.splitlines()[0] in reader.text
    assert {"en": "accept it", "es": "acéptelo"}[language] in reader.text
    assert "https://lms.example.org" in page.text, "who returns can train while staff decide"
    shown = {field["name"] or "": field["value"] or "" for field in reader.of("input") if field.get("type") == "hidden"}
    assert shown == {"agreement_version": "2024-1", "agreement_language": language}

    unticked = read(await house.post(f"{link}/agreement?lang={language}", shown), 422)
    assert [field["id"] for field in unticked.of("input") if field.get("aria-invalid")] == ["agreement_accepted"]
    for old in ({"agreement_version": "2020-1"}, {"agreement_language": "fr"}):
        read(await house.post(f"{link}/agreement", {**shown, "agreement_accepted": "true", **old}), 422)
    assert await house.agreement(case_id) == []

    for _ in range(2):
        answer = await house.post(f"{link}/agreement?lang={language}", {**shown, "agreement_accepted": "true"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{link}?accepted=1&lang={language}")
    text = TEXT[language]
    record = {"version": text.version, "language": language, "sha256": text.sha256, "source": "page"}
    assert await house.agreement(case_id) == [record]
    audit = await house.database.read(read_audit, case_id)
    assert [row["actor"] for row in audit if row["action"] == "agreement.accepted"] == ["assister"]
    after = read(await house.browser.get(answer.headers["location"]))
    assert {"en": "You have accepted", "es": "Ha aceptado"}[language] in after.text
    assert after.forms == []


async def test_an_answer_may_bring_the_agreement_along(house: House) -> None:
    case_id = await house.begin(returning())
    await house.decide(case_id, "ask", "Is your phone number right?")
    link = await house.link(case_id)
    shown = answers(read(await house.browser.get(link)))
    form = {name: value or "" for name, value in shown.items() if name != "agreement_accepted"}
    form |= {"message": "It is new.", "phone": "505-555-0188"}
    ticked = {"agreement_accepted": "true", "agreement_version": "2024-1", "agreement_language": "es"}
    assert (await house.post(f"{link}/information?lang=es", {**form, **ticked})).status_code == 303
    await house.apply_commands()
    assert [one["language"] for one in await house.agreement(case_id)] == ["es"]
    (case,) = await house.cases()
    assert case.request["phone"] == "505-555-0188"


async def test_an_ended_case_takes_no_agreement(house: House) -> None:
    case_id = await house.begin(returning())
    link = await house.link(case_id)
    await house.facts(case_id, FactKind.WITHDRAWN, reason="Asked for.")
    form = {"agreement_accepted": "true", "agreement_version": "2024-1", "agreement_language": "en"}
    read(await house.post(f"{link}/agreement", form), 409)
    assert await house.agreement(case_id) == []


# the certificate


async def test_the_certificate_is_downloaded_once_it_is_there(house: House) -> None:
    case_id = await house.open(documents.broker())
    link = await house.link(case_id)
    assert "no certificate yet" in read(await house.browser.get(f"{link}/certificate"), 404).text
    await house.certify(case_id)
    assert f"{link}/certificate" in (await house.browser.get(link)).text
    answer = await house.browser.get(f"{link}/certificate")
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="certificate-{NUMBER}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    for file in house.services.settings.certificates_dir.iterdir():
        file.unlink()
    assert "try again later" in read(await house.browser.get(f"{link}/certificate"), 503).text


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        (None, False),
        ("*/*", False),
        (BROWSER, False),
        ("text/html", False),
        ("text/*", False),
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("APPLICATION/JSON", True),
        ("application/*", True),
        ("application/json, text/plain, */*", True),
        ("application/json;q=0.5, text/html", False),
        ("text/html;q=0.5, application/json", True),
        ("text/html, application/json", False),
        ("application/json;q=0, */*", False),
        ("application/json;q=high", False),
        ("image/png", False),
    ],
)
async def test_the_verification_page_is_json_for_whoever_prefers_it(
    house: House, accept: str | None, json: bool
) -> None:
    document = documents.broker()
    await house.certify(await house.open(document))
    for number, status in ((NUMBER, 200), (NUMBER.lower(), 200), ("NM24-NONE", 404), ("a%20b%3Fc", 404)):
        headers = {} if accept is None else {"accept": accept}
        answer = await house.browser.get(f"/certificates/{number}", headers=headers)
        assert answer.status_code == status
        assert "Accept" in answer.headers["vary"]
        if json:
            kind = "application/json" if status == 200 else "application/problem+json"
            assert answer.headers["content-type"] == kind
        else:
            read(answer, status)
            assert contacts(answer) == {PHONE}
        assert document["npn"] not in answer.text
        assert document["email"] not in answer.text


async def test_the_verification_document_is_the_interface_s(house: House) -> None:
    case_id = await house.open(documents.broker())
    await house.certify(case_id)
    json = {"accept": "application/json"}
    document = (await house.browser.get(f"/certificates/{NUMBER}", headers=json)).json()
    assert set(document) == {
        "number", "status", "holder", "kind", "program", "plan_year", "issued_at", "valid_until", "sha256",
        "may_assist",
    }  # fmt: skip
    assert (document["status"], document["holder"], document["valid_until"]) == ("valid", "Testa Broker", None)
    assert "This certificate is for trying only" in read(await house.browser.get(f"/certificates/{NUMBER}")).text
    await house.facts(case_id, FactKind.REVOKED, reason="")
    assert (await house.browser.get(f"/certificates/{NUMBER}", headers=json)).json()["status"] == "revoked"
    assert "revocado" in read(await house.browser.get(f"/certificates/{NUMBER}?lang=es")).text


# activation


async def _counselor_with_account(house: House) -> str:
    case_id = await house.open(documents.counselor(language="en"))
    await house.facts(case_id, FactKind.BACKGROUND_REPORTED, result="clear")
    await house.certify(case_id)
    await house.facts(case_id, FactKind.PORTAL_ACCOUNT_CREATED)
    return case_id


async def test_an_activation_link_works_once(house: House) -> None:
    case_id = await _counselor_with_account(house)
    link = await house.activation_link(case_id)
    for _ in range(2):
        answer = await house.browser.get(link)
        assert len(read(answer).forms) == 1, "opening it uses nothing up"
        assert contacts(answer) == {PORTALS}
    done = await house.post(link, {})
    assert "Your account is active" in read(done).text
    assert contacts(done) == {PORTALS}
    for again in (await house.post(link, {}), await house.browser.get(link)):
        assert "already active" in read(again, 410).text
    (command,) = await house.apply_commands()
    assert command.kind == "activate"


async def test_a_spent_link_says_why(house: House) -> None:
    case_id = await _counselor_with_account(house)
    expired = await house.activation_link(case_id, days=-1)
    assert "expired" in read(await house.browser.get(expired), 410).text
    first = await house.activation_link(case_id)
    await house.activation_link(case_id)
    for answer in (await house.browser.get(first), await house.post(first, {})):
        assert "no longer valid" in read(answer, 410).text
        assert contacts(answer) == {PORTALS}
    for unknown in ("/activate/unknown", f"/activate/{case_id}"):
        for answer in (await house.browser.get(unknown), await house.post(unknown, {})):
            read(answer, 404)
            assert contacts(answer) == {PORTALS}


# resources


@pytest.mark.parametrize("language", ["en", "es"])
async def test_resources_are_by_kind(house: House, language: str) -> None:
    pages = {}
    for kind in ("agent", "broker", "enrollment_counselor"):
        answer = await house.browser.get(f"/resources/{kind}?lang={language}")
        pages[kind] = read(answer).text
        assert contacts(answer) == {PHONE}
        assert ("knowledgebase" in answer.text) == (kind != "enrollment_counselor")
    referral = {"en": "Department of Insurance", "es": "Departamento de Seguros"}[language]
    assert [kind for kind, text in pages.items() if referral in text] == ["enrollment_counselor"]
    unknown = await house.browser.get(f"/resources/astronaut?lang={language}")
    read(unknown, 404)


async def _steps(house: House, link: str) -> tuple[list[str | None], set[str]]:
    answer = await house.browser.get(link)
    steps = [item["class"] for item in read(answer).of("li") if "class" in item]
    return steps, contacts(answer)
