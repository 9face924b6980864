"""Decisions and other commands from the page of a case; no worker runs here, so that what is allowed is kept."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from sqlmodel import col, select

from db.case_state import list_rows
from db.house_tables import StaffAccount
from db.tables import AuditRow, CommandRow
from db.writes.cases import flag_case
from domain.shared.cases.facts import FactKind
from domain.state.eligibility import Check, Result, make_finding
from templates.catalogs import translate
from tests.support import documents
from tests.support.tables import add_rows
from tests.templates.rendered import Reader
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole
from web.staff.reasons import USUAL

OPEN = {"npn_found": Result.PASS, "license_active": Result.UNKNOWN}


class Desk:
    """A reviewer with a case before them."""

    def __init__(self, house: House, case_id: str, csrf: str) -> None:
        self.house = house
        self.case_id = case_id
        self.path = f"/staff/cases/{case_id}"
        self.csrf = csrf

    async def page(self, query: str = "") -> Reader:
        return read(await self.house.browser.get(self.path + query))

    async def form(self, what: str) -> dict[str, str]:
        """What the page puts into a form by itself."""
        source = (await self.house.browser.get(self.path)).text
        (form,) = re.findall(rf'<form method="post" action="{self.path}/{what}".*?</form>', source, re.DOTALL)
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))

    async def send(self, what: str, query: str = "", **values: str) -> httpx2.Response:
        """Sends a form as the page has it, with these values."""
        return await self.house.post(f"{self.path}/{what}{query}", {**await self.form(what), **values})

    async def commands(self) -> list[CommandRow]:
        query = select(CommandRow).where(col(CommandRow.case_id) == self.case_id)
        return await self.house.database.read(list_rows, query)

    async def actions(self) -> list[str]:
        query = select(col(AuditRow.action)).where(col(AuditRow.case_id) == self.case_id)
        return await self.house.database.read(list_rows, query.order_by(col(AuditRow.id)))


async def desk(house: House, document: dict[str, Any] | None = None, **results: Result) -> Desk:
    """A reviewer before a case that was screened."""
    csrf = await house.sign_in()
    case_id = await house.open(document or documents.broker())
    if not document:
        await house.prove(case_id)
    found = [make_finding(Check(check), result).model_dump(mode="json") for check, result in results.items()]
    if results:
        await house.facts(case_id, FactKind.SCREENED, round=0, findings=found)
    return Desk(house, case_id, csrf)


def newest(commands: list[CommandRow]) -> CommandRow:
    return max(commands, key=lambda one: one.created_at)


def seen(answer: httpx2.Response, after: str = "Back to what you were writing") -> str:
    """The letter that a page shows before it is sent, its quoted lines joined."""
    page = read(answer)
    (shown,) = [tag for tag in page.of("div") if tag.get("class") == "preview"]
    assert shown["lang"] == "es"
    return " ".join(page.text.partition(after)[0].replace("> ", "").split())


def faulty(reader: Reader) -> set[str | None]:
    fields = [*reader.of("textarea"), *reader.of("select")]
    return {field["id"] for field in fields if field.get("aria-invalid")}


# deciding


async def test_a_decision_is_kept_where_no_worker_answers_and_said_so(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    answer = await reviewer.send("decision", verdict="approve", reason="All is well.")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{reviewer.path}#case")
    (command,) = await reviewer.commands()
    assert (command.kind, command.actor, command.reason) == ("decide", "reviewer", "All is well.")
    assert (command.data, command.state) == ({"verdict": "approve", "override": None}, "pending")
    reader = await reviewer.page()
    assert "Kept, to be carried out: Decision" in reader.text
    assert "A decision is kept already" in reader.text
    assert f"{reviewer.path}/decision" not in [form["action"] for form in reader.of("form")]
    await house.apply_commands()
    assert "Approved" in (await reviewer.page()).text


async def test_a_question_names_fields_the_answer_is_about_them_alone_and_is_shown_beside_what_was(
    house: House,
) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    asked = {
        "verdict": "ask",
        "reason": "Which is your phone?",
        "fields.phone": "true",
        "fields.business_address": "true",
    }
    for preview in ({"preview": "1"}, {}):
        unknown = read(await reviewer.send("decision", **asked, **{"fields.planet": "true"}, **preview), 422)
        assert "A question can't name the field planet" in unknown.text
    assert {"decision-fields-phone", "decision-fields-business_address"} == {
        box["id"] for box in unknown.of("input") if box.get("type") == "checkbox" and "checked" in box
    }
    assert (await reviewer.send("decision", **asked)).status_code == 303
    await house.apply_commands()
    assert "Asked about: Phone number, Business address" in " ".join((await reviewer.page()).text.split())

    link = await house.link(reviewer.case_id)
    theirs = read(await house.browser.get(f"{link}?lang=en"))
    named = {(field["name"] or "").partition(".")[0] for field in theirs.of("input")} - {"csrf_token"}
    shown = {"phone", "business_address", "physical_same", "file"}
    assert named == shown, "an address that is the same may follow, and documents may come along"
    assert "This is what we have from you" in theirs.text
    answer = {"message": "This one.", "phone": "505-555-0177"}
    assert (await house.post(f"{link}/information", answer)).status_code == 303
    await house.apply_commands()
    page = (await house.browser.get(reviewer.path)).text
    table = page.split('id="answers"')[1].split("</section>")[0]
    assert re.findall(r"505-555-\d+", table) == ["505-555-0100", "505-555-0177"]
    assert "This one." in table
    assert table.count("<tr>") == 2, "the head, and the one field that was changed"


async def test_an_answer_given_by_phone_is_written_down_with_how_staff_have_it(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    assert "Write down the answer" not in (await reviewer.page()).text
    await reviewer.send("decision", verdict="ask", reason="Which?", **{"fields.phone": "true", "fields.email": "true"})
    await house.apply_commands()
    shown = {field["name"]: field.get("value") for field in (await reviewer.page()).of("input")}
    assert shown["phone"] == "505-555-0100"
    assert "email" not in shown, "it is changed by who reads its mail"
    told = {"phone": "505-555-0177", "message": "The new one.", "reason": "Called them."}
    faulted = read(await reviewer.send("answer", **{**told, "message": ""}), 422)
    assert {"answer-method", "answer-message"} <= faulty(faulted)
    for sentence in ("Choose how you have their word.", "By phone"):
        assert sentence in faulted.text
    wrong = read(await reviewer.send("answer", **{**told, "phone": "1"}, method="other"), 422)
    assert "#phone" in [link.get("href") for link in wrong.of("a")]
    forged = {**told, "email": "somebody.else@example.com"}
    assert (await reviewer.send("answer", **forged, method="phone")).status_code == 303
    await house.apply_commands()
    text = (await reviewer.page()).text
    assert "By phone, recorded by reviewer, " in " ".join(text.split())
    assert "By phone, for the assister. Called them." in text
    assert "505-555-0100" in text
    assert "505-555-0177" in text
    (_, command) = await reviewer.commands()
    assert (command.kind, command.actor, command.reason) == ("answer", "reviewer", "The new one.")
    assert command.data["changes"] == {"phone": "505-555-0177"}
    assert command.data["on_behalf"] == {"method": "phone", "reason": "Called them."}


async def test_a_question_is_taken_back_and_the_assister_is_told_so(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    assert "Take the question back" not in (await reviewer.page()).text, "nothing is asked"
    called = {"issuer": "https://id.example", "subject": "1", "actor": "reviewer", "name": "Rita Example"}
    await house.database.write(add_rows, StaffAccount(**called, roles=[], first_seen_at=datetime.now(UTC)))
    await reviewer.send("decision", verdict="ask", reason="Which is your phone?")
    await house.apply_commands()
    link = await house.link(reviewer.case_id)
    assert "Which is your phone?" in read(await house.browser.get(f"{link}?lang=en")).text
    assert faulty(read(await reviewer.send("question"), 422)) == {"question-reason"}
    assert (await reviewer.send("question", reason="It was in the file.")).status_code == 303
    assert "Kept, to be carried out: Question to be taken back" in (await reviewer.page()).text
    await house.apply_commands()
    page = " ".join((await reviewer.page()).text.split())
    assert "Taken back : Rita Example, " in page, "people are named"
    assert "It was in the file." in page
    assert "Take the question back" not in page

    theirs = " ".join(read(await house.browser.get(f"{link}?lang=en")).text.split())
    assert "Our staff have taken their question back. You need not answer it." in theirs
    assert "It was in the file." not in theirs, "why is for staff"
    assert "Which is your phone?" not in theirs
    late = read(await house.post(f"{link}/information?lang=en", {"message": "The second one."}), 409)
    assert "What you wrote: The second one." in " ".join(late.text.split())
    assert "Our staff had taken their question back before your answer came." in late.text
    there, csrf = f"/api/cases/{reviewer.case_id}/question/take-back", {"X-CSRF-Token": reviewer.csrf}
    again = await house.browser.post(there, json={"reason": "Once more."}, headers=csrf)
    assert (again.status_code, "There is no open question" in again.text) == (409, True)


async def test_a_usual_question_is_about_its_own_fields_where_none_is_ticked(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"), npn_found=Result.PASS)
    asked = {"verdict": "ask", "usual": "ask_name"}
    letter = await reviewer.send("decision", **asked, preview="1")
    assert "- Nombre - Apellido" in seen(letter, "Back to what you were writing")
    ticked = {"decision-fields-first_name", "decision-fields-last_name"}
    boxes = [box for box in read(letter).of("input") if box.get("type") == "checkbox" and "checked" in box]
    assert {box["id"] for box in boxes} == ticked, "as they are sent"
    await reviewer.send("decision", **asked, **{"fields.phone": "true"}, preview="1")
    assert (await reviewer.send("decision", **asked)).status_code == 303
    (command,) = await reviewer.commands()
    assert command.data["fields"] == ["first_name", "last_name"]
    counselor = await desk(house, documents.counselor(), intake_scope=Result.PASS)
    assert (await counselor.send("decision", verdict="ask", usual="ask_address")).status_code == 303
    (command,) = await counselor.commands()
    assert command.data["fields"] == ["physical_address"], "what the form of the kind has"


async def test_the_api_refuses_fields_that_the_form_lacks_each_by_its_name(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    there, csrf = f"/api/cases/{reviewer.case_id}/decision", {"X-CSRF-Token": reviewer.csrf}
    body = {"decision": "ask", "reason": "Which is right?", "fields": ["npn", "planet", "employer", "plan_year"]}
    refused = await house.browser.post(there, json=body, headers=csrf)
    assert refused.status_code == 422
    told = [one["message"].split("name the field ")[1].split(":")[0] for one in refused.json()["errors"]]
    assert told == ["planet", "employer", "plan_year"]
    approval = {**body, "decision": "approve", "fields": ["npn"]}
    assert "Only a question names fields" in (await house.browser.post(there, json=approval, headers=csrf)).text
    assert await reviewer.commands() == []
    taken = await house.browser.post(there, json={**body, "fields": ["npn", "npn", "phone"]}, headers=csrf)
    assert taken.status_code == 202
    (command,) = await house.apply_commands()
    assert command.data["fields"] == ["npn", "phone"]


async def test_a_double_click_decides_once(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    sent = {**await reviewer.form("decision"), "verdict": "deny", "reason": "No."}
    for _ in range(2):
        assert (await house.post(f"{reviewer.path}/decision", sent)).status_code == 303
    assert len(await reviewer.commands()) == 1
    await house.apply_commands()
    again = await house.post(f"{reviewer.path}/decision", sent)
    assert again.status_code == 303
    assert f"done=deny&of={reviewer.case_id}" in again.headers["location"]
    assert (await reviewer.actions()).count("case.decided") == 1
    changed = read(await house.post(f"{reviewer.path}/decision", {**sent, "reason": "Yes."}), 409)
    assert "You sent this form before, with other words" in changed.text


@pytest.mark.parametrize(
    ("values", "anchors"),
    [
        ({}, ["#verdict-approve", "#decision-reason"]),
        ({"verdict": "deny"}, ["#decision-reason"]),
        ({"verdict": "deny", "reason": "   "}, ["#decision-reason"]),
        ({"verdict": "maybe", "reason": "x"}, ["#verdict-approve"]),
        ({"verdict": "ask", "reason": "x" * 4001}, ["#decision-reason"]),
        ({"verdict": "ask", "reason": "a\x07b"}, ["#decision-reason"]),
        ({"verdict": "approve", "reason": "Kept <b>"}, ["#decision-override"]),
        ({"verdict": "deny", "usual": "in_order"}, ["#decision-usual"]),
        ({"verdict": "deny", "usual": "no_such"}, ["#decision-usual"]),
    ],
)
async def test_what_is_missing_is_said_at_its_field_and_what_was_typed_is_kept(
    house: House, values: dict[str, str], anchors: list[str]
) -> None:
    reviewer = await desk(house, None, **OPEN)
    reader = read(await reviewer.send("decision", **values), 422)
    (summary,) = [tag for tag in reader.of("div") if "summary" in (tag.get("class") or "")]
    assert summary["role"] == "alert"
    links = [link["href"] for link in reader.of("a") if (link.get("href") or "") in anchors]
    assert list(dict.fromkeys(links)) == anchors
    assert faulty(reader) == {anchor[1:] for anchor in anchors if not anchor.startswith("#verdict")}
    assert reader.text.startswith("Error:")
    if "<b>" in values.get("reason", ""):
        assert "Kept <b>" in reader.text
    assert await reviewer.commands() == []


async def test_an_override_is_asked_for_only_where_checks_did_not_pass_and_has_its_own_reason(house: House) -> None:
    reviewer = await desk(house, None, **OPEN)
    reader = await reviewer.page()
    assert "Why you approve although these did not pass: License active" in reader.text
    await reviewer.send("decision", verdict="approve", reason="Fine.", override="Seen on paper.")
    (command,) = await reviewer.commands()
    assert command.data == {"verdict": "approve", "override": "Seen on paper."}
    clean = await desk(house, npn_found=Result.PASS)
    assert "override" not in [field["name"] for field in (await clean.page()).of("textarea")]


async def test_an_override_typed_for_another_verdict_is_not_recorded(house: House) -> None:
    reviewer = await desk(house, None, **OPEN)
    await reviewer.send("decision", verdict="deny", reason="No.", override="Typed first, then thought better of.")
    (command,) = await reviewer.commands()
    assert command.data == {"verdict": "deny", "override": None}


async def test_what_cannot_be_decided_now_is_no_button_but_a_sentence(house: House) -> None:
    reviewer = await desk(house, documents.counselor())
    await house.facts(reviewer.case_id, FactKind.SCREENED, round=0, findings=[])
    reader = await reviewer.page()
    assert [field["value"] for field in reader.of("input") if field.get("name") == "verdict"] == ["deny", "ask"]
    assert "Approve: The background check has not been reported; it can't be overridden." in reader.text
    assert "Registry checks passed" not in reader.text, "of a counselor the registry is not asked"


async def test_a_case_still_screened_is_refused_with_the_validator_s_sentence(house: House) -> None:
    csrf = await house.sign_in()
    case_id = await house.open(documents.broker())
    form = {"csrf_token": csrf, "verdict": "approve", "reason": "I was too fast."}
    reader = read(await house.post(f"/staff/cases/{case_id}/decision?lang=es", form), 409)
    assert "La solicitud aún se está revisando." in reader.text
    assert "I was too fast." in reader.text
    assert (await Desk(house, case_id, csrf).actions())[-1] == "decide.refused"


async def test_of_two_tabs_the_second_is_told_who_decided_first_and_keeps_its_words(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    second = {**await reviewer.form("decision"), "verdict": "approve", "reason": "In my view it is fine."}
    second["override"] = "I have the card before me."
    decided = {"verdict": "deny", "by": "another reviewer", "reason": "No.", "override": None, "round": 0}
    await house.facts(reviewer.case_id, FactKind.DECIDED, **decided)
    reader = read(await house.post(f"{reviewer.path}/decision", second), 409)
    assert "The case has ended: Denied." in reader.text
    alert = reader.text.partition("This can't be done now")[2].partition("Where it stands")[0]
    assert "Denied: another reviewer, " in alert
    assert "What you wrote: In my view it is fine. I have the card before me." in alert
    assert await reviewer.commands() == []


async def test_a_usual_reason_is_told_in_the_assister_s_language_before_what_was_typed(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"), npn_found=Result.FAIL)
    await reviewer.send("decision", verdict="ask", usual="ask_address", reason="Gracias.")
    (command,) = await reviewer.commands()
    assert command.reason == "Please check the addresses that you gave us.\n\nGracias."
    assert command.data["told"] == "Revise las direcciones que nos dio.\n\n(en inglés, tal como se escribió)\nGracias."


async def test_a_reason_is_written_in_both_languages_and_the_assister_s_own_is_told(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"), npn_found=Result.FAIL)
    said = {"verdict": "deny", "reason": "No such license.", "told": "No existe esa licencia."}
    assert (await reviewer.send("decision", **said)).status_code == 303
    await house.apply_commands()
    page = await reviewer.page()
    assert "Told in their language: No existe esa licencia." in page.text
    assert "No such license." in page.text


async def test_every_reason_that_is_told_is_picked_or_written_in_their_language_and_seen_before(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"))
    await house.certify(reviewer.case_id)
    for form, usual, values in (
        ("suspend", "complaint", {"suspension": "agreement"}),
        ("lift", "put_right", {"suspension_id": ""}),
        ("give_notice", "agreement", {}),
        ("take_back", "unfounded", {}),
        ("withdraw", "asked_to", None),
        ("revoke", "untrue", None),
        ("terminate", "asked_to_end", {}),
    ):
        typed = {"method": "phone", **(values or {}), "usual": usual, "reason": "More of it.", "told": "Algo más."}
        before = len(await reviewer.commands())
        letter = seen(await reviewer.send(form, preview="1", **typed))
        english, spanish = (translate(USUAL[usual].sentence, language) for language in ("en", "es"))
        assert spanish in letter, form
        assert "Algo más." in letter
        assert "More of it." not in letter
        assert len(await reviewer.commands()) == before
        assert f"{form}-usual" in faulty(read(await reviewer.send(form, **{**typed, "usual": "in_order"}), 422))
        if values is not None:
            assert (await reviewer.send(form, **typed)).status_code == 303
            command = newest(await house.apply_commands())
            assert command.reason == f"{english}\n\nMore of it."
            assert command.data["told"] == f"{spanish}\n\nAlgo más."
            assert f"Told in their language: {spanish}" in (await reviewer.page()).text


async def test_who_is_said_to_have_asked_for_a_withdrawal_has_said_so_somehow(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    for preview in ({}, {"preview": "1"}):
        refused = read(await reviewer.send("withdraw", usual="asked_to", method="", **preview), 422)
        assert "Choose how you have their word." in refused.text
        assert faulty(refused) <= {"withdraw-method"}
    assert (await reviewer.send("withdraw", usual="asked_to", method="phone")).status_code == 303


async def test_a_notice_before_a_denial_is_told_in_their_language(house: House) -> None:
    reviewer = await desk(house, documents.counselor(), intake_scope=Result.PASS)
    await house.facts(reviewer.case_id, FactKind.BACKGROUND_REPORTED, result="consider")
    letter = seen(await reviewer.send("adverse", usual="report", preview="1"))
    assert translate(USUAL["report"].sentence, "es") in letter
    assert (await reviewer.send("adverse", reason="An entry.", told="Una anotación.")).status_code == 303
    await house.apply_commands()
    (begun,) = await house.list_facts(reviewer.case_id, FactKind.ADVERSE_ACTION_BEGUN)
    assert (begun["reason"], begun["told"]) == ("An entry.", "Una anotación.")


async def test_what_is_told_in_another_language_is_marked_in_the_letter_and_on_their_own_page(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"))
    note = "El motivo (en inglés, tal como se escribió):"
    assert note in seen(await reviewer.send("withdraw", reason="It was asked for.", preview="1"))
    spanish = seen(await reviewer.send("withdraw", "?lang=es", reason="Lo pidieron.", preview="1"), "Volver a lo que")
    assert "Lo pidieron." in spanish
    assert note not in spanish, "the console's language is the one it was written in"
    assert (await reviewer.send("withdraw", "?lang=en", reason="It was asked for.")).status_code == 303
    await house.apply_commands()
    own = await house.link(reviewer.case_id)
    page = read(await house.browser.get(f"{own}?lang=es"))
    assert note in page.text
    assert [tag.get("lang") for tag in page.of("blockquote")] == ["en"]
    assert note not in read(await house.browser.get(f"{own}?lang=en")).text


async def test_the_api_takes_what_the_assister_is_told_beside_each_such_reason(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"))
    await house.certify(reviewer.case_id)
    csrf, told = {"X-CSRF-Token": reviewer.csrf}, {"reason": "As agreed.", "told": "Según lo acordado."}
    for path, more in (
        ("suspend", {"kind": "system"}),
        ("lift", {}),
        ("terminate", {}),
        ("lift", {"termination": True}),
        ("terminate", {"at_once": True}),
    ):
        there = f"/api/cases/{reviewer.case_id}/{path}"
        assert (await house.browser.post(there, json={**told, **more}, headers=csrf)).status_code == 202, path
        assert newest(await house.apply_commands()).data["told"] == "Según lo acordado."
    for path in ("withdraw", "revoke"):
        other = await desk(house, documents.agent(language="es"))
        there, csrf = f"/api/cases/{other.case_id}/{path}", {"X-CSRF-Token": other.csrf}
        assert (await house.browser.post(there, json={**told, "told": "x\x07"}, headers=csrf)).status_code == 422
        assert (await house.browser.post(there, json=told, headers=csrf)).status_code == 202
        (command,) = await other.commands()
        assert command.data["told"] == "Según lo acordado."


# the letter, before it is sent


async def test_a_letter_is_seen_in_the_assister_s_language_before_anything_is_done(house: House) -> None:
    reviewer = await desk(house, documents.agent(language="es"), npn_found=Result.FAIL)
    typed = {"verdict": "deny", "usual": "no_license", "reason": "Sorry.", "told": "Lo sentimos.", "preview": "1"}
    answer = await reviewer.send("decision", **typed)
    page = read(answer)
    assert "Nothing has been sent or decided yet" in page.text
    assert [tag["id"] for tag in page.of("h2") if "autofocus" in tag] == ["seen"], "one reads on at the letter"
    assert "no podemos aprobarla" in page.text
    assert "Lo sentimos." in page.text.partition("Back to what you were writing")[0]
    assert [tag.get("lang") for tag in page.of("div") if tag.get("class") == "preview"] == ["es"]
    assert 'value="deny" checked' in answer.text
    assert ">\nSorry.</textarea>" in answer.text
    assert await reviewer.commands() == []
    assert not any("refused" in action or "decided" in action for action in await reviewer.actions())


@pytest.mark.parametrize(
    ("form", "values", "said"),
    [
        ("decision", {"verdict": "ask"}, "A sample reason."),
        ("decision", {"verdict": "ask", "fields.license_number": "true"}, "about: - New Mexico license number"),
        ("decision", {"verdict": "approve", "override": "Seen on paper."}, "An approval sends no reason"),
        ("withdraw", {}, "A sample reason."),
        ("revoke", {}, "A sample reason."),
    ],
)
async def test_what_staff_do_with_a_reason_can_be_seen_as_a_letter_first(
    house: House, form: str, values: dict[str, str], said: str
) -> None:
    reviewer = await desk(house, npn_found=Result.FAIL)
    if form == "revoke":
        await house.certify(reviewer.case_id)
    page = read(await reviewer.send(form, reason="A sample reason.", preview="1", **values))
    assert said in page.text.partition("Back to what you were writing")[0]
    assert await reviewer.commands() == []


async def test_no_letter_is_shown_of_a_form_that_is_at_fault(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.FAIL)
    assert faulty(read(await reviewer.send("decision", verdict="deny", preview="1"), 422)) == {"decision-reason"}


# checks made again


async def test_a13_checks_are_made_again_from_the_panel(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    page = await reviewer.page()
    offered = {option.get("value") for option in page.of("option")}
    assert {"registry", "records"} <= offered
    assert "background_check" not in offered
    assert faulty(read(await reviewer.send("repeat", source="vendor"), 422)) == {"repeat-source", "repeat-reason"}
    assert (await reviewer.send("repeat", source="registry", reason="It was renewed.")).status_code == 303
    (command,) = await reviewer.commands()
    assert (command.kind, command.reason, command.data) == ("repeat_checks", "It was renewed.", {"source": "registry"})
    alert = read(await reviewer.send("repeat", reason="Once more."), 409).text
    assert "less than a minute ago" in alert
    await house.apply_commands()
    assert "No answer has come yet." in (await reviewer.page()).text
    await house.decide(reviewer.case_id, "deny")
    assert "Make the checks again" not in (await reviewer.page()).text


async def test_a_reason_of_counselors_is_not_offered_for_a_broker(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.FAIL)
    offered = {option.get("value") for option in (await reviewer.page()).of("option")}
    assert {"no_license", "ask_name"} <= offered
    assert "background" not in offered


# who may


@pytest.mark.parametrize("what", ["decision", "question", "resend", "check", "withdraw", "revoke", "flag"])
async def test_every_form_needs_its_token_and_its_permission(house: House, what: str) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    form = {"verdict": "approve", "reason": "Fine.", "notice": "request_received", "flag": "altered_event"}
    html = {"accept": "text/html"}
    read(await house.post(f"{reviewer.path}/{what}", form, **html), 403)
    read(await house.post(f"{reviewer.path}/{what}", {**form, "csrf_token": "x"}, **html), 403)
    csrf = await house.sign_in(StaffRole.AUDITOR)
    read(await house.post(f"{reviewer.path}/{what}", {**form, "csrf_token": csrf}, **html), 403)
    assert await reviewer.commands() == []
    assert "refused" not in " ".join(await reviewer.actions())


async def test_a_form_for_a_case_there_is_not_leads_nowhere(house: House) -> None:
    csrf = await house.sign_in()
    form = {"csrf_token": csrf, "verdict": "approve", "reason": "Fine.", "notice": "active", "flag": "altered_event"}
    for what in ("decision", "resend", "check", "repeat", "withdraw", "revoke", "flag"):
        path = f"/staff/cases/0f0e0d0c-0000-4000-8000-000000000000/{what}"
        read(await house.post(path, form, accept="text/html"), 404)


# the other steps


async def test_only_notices_that_can_be_sent_are_offered(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    offered = [option.get("value") for option in (await reviewer.page()).of("option")]
    assert "request_received" in offered
    assert "certificate_issued" not in offered
    reader = read(await reviewer.send("resend", reason="Lost."), 422)
    assert faulty(reader) == {"resend-notice"}
    assert {"open"} <= {name for tag in reader.of("details") for name in tag}
    read(await reviewer.send("resend", notice="active", reason="Lost."), 409)
    answer = await reviewer.send("resend", notice="request_received", reason="Lost.")
    assert answer.status_code == 303
    assert [row.data for row in await reviewer.commands()] == [{"notice": "request_received"}]
    assert "Kept, to be carried out: Notice to be sent again" in (await reviewer.page()).text


async def test_e8_a_check_is_ordered_anew_once_nothing_comes_of_it_any_more(house: House) -> None:
    reviewer = await desk(house, documents.counselor(), intake_scope=Result.PASS)
    await house.facts(reviewer.case_id, FactKind.BACKGROUND_CHANGED, change="suspended")
    page = await reviewer.page()
    assert "Suspended: the vendor waits for something of the assister" in page.text
    assert "Order the background check anew" not in page.text
    await house.facts(reviewer.case_id, FactKind.BACKGROUND_CHANGED, change="canceled")
    page = await reviewer.page()
    assert "Canceled: nothing comes of this check any more" in page.text
    assert "How the assister agreed" not in page.text, "the request says so"
    assert faulty(read(await reviewer.send("check"), 422)) == {"check-reason"}
    assert (await reviewer.send("check", reason="She was ill.")).status_code == 303
    assert [(row.kind, row.reason) for row in await reviewer.commands()] == [("reorder_check", "She was ill.")]
    assert "Kept, to be carried out: Background check to be ordered anew" in (await reviewer.page()).text


async def test_e8_staff_give_notice_before_a_denial_by_a_report_and_dispute_it_for_the_assister(house: House) -> None:
    reviewer = await desk(house, documents.counselor(), intake_scope=Result.PASS)
    await house.facts(reviewer.case_id, FactKind.BACKGROUND_REPORTED, result="consider")
    page = await reviewer.page()
    assert "Give notice that the report may lead to a denial" in page.text
    assert "5 business days" in page.text
    assert faulty(read(await reviewer.send("adverse"), 422)) == {"adverse-reason"}
    assert (await reviewer.send("adverse", reason="An entry of 2022.")).status_code == 303
    await house.apply_commands()
    assert "Notice is on its way" in (await reviewer.page()).text
    assert faulty(read(await reviewer.send("dispute", reason="Not hers."), 422)) == {"dispute-method"}
    assert (await reviewer.send("dispute", reason="Not hers.", method="paper")).status_code == 303
    await house.apply_commands()
    assert "Disputed; its days stand still" in (await reviewer.page()).text
    assert (await reviewer.send("end_dispute", reason="Looked into.")).status_code == 303
    await house.apply_commands()
    assert "Notice is on its way" in (await reviewer.page()).text
    given = ["begin_adverse_action", "dispute_check", "end_dispute"]
    assert [row.kind for row in await reviewer.commands()] == given


@pytest.mark.parametrize(("what", "said"), [("withdraw", "Withdrawn"), ("revoke", "Revoked")])
async def test_a_case_is_ended_with_a_reason_and_a_step_to_confirm_it(house: House, what: str, said: str) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    page = await reviewer.page()
    assert len(page.of("details")) == 5, "each form is behind a step"
    assert f"{reviewer.path}/revoke" not in [form["action"] for form in page.of("form")], "nothing to revoke yet"
    if what == "revoke":
        await reviewer.send("decision", verdict="approve", reason="All is well.")
        await house.apply_commands()
    assert faulty(read(await reviewer.send(what), 422)) == {f"{what}-reason"}
    assert (await reviewer.send(what, reason="They asked for it.")).status_code == 303
    await house.apply_commands()
    reader = await reviewer.page(f"?done={what}&of={reviewer.case_id}")
    assert f"The case has ended: {said}." in reader.text
    left = {f"{reviewer.path}/{name}" for name in ("note", "raise_flag")}  # staff still write to each other
    assert {form["action"] for form in reader.of("form")} == {"/staff/sign-out", "/staff/search", *left}
    form = {"csrf_token": reviewer.csrf, "reason": "Once more."}
    refused = read(await house.post(f"{reviewer.path}/{what}", form), 409)
    assert f"The case has ended: {said}." in refused.text
    assert "What you wrote: Once more." in refused.text
    refused = read(await house.post(f"{reviewer.path}/{what}", {**form, "preview": "1"}), 409)
    assert f"The case has ended: {said}." in refused.text


async def test_a_flag_is_taken_down_with_a_word_of_what_was_done(house: House) -> None:
    reviewer = await desk(house)
    for what in ("altered_event", "training.invited.refused"):
        await house.database.write(flag_case, reviewer.case_id, what, datetime.now(UTC), "seen by a test")
    reader = await reviewer.page()
    assert "Webhook repeated with other content" in reader.text
    sent = {"csrf_token": reviewer.csrf, "flag": "training.invited.refused"}
    reader = read(await house.post(f"{reviewer.path}/flag", sent), 422)
    assert faulty(reader) == {"flag-training.invited.refused-reason"}
    answer = await house.post(f"{reviewer.path}/flag", {**sent, "reason": "Called them."})
    assert answer.headers["location"] == f"{reviewer.path}?done=flag&of={reviewer.case_id}#case"
    reader = await reviewer.page(f"?done=flag&of={reviewer.case_id}")
    assert "The flag is taken down." in reader.text
    assert "Flag attended to: Invitation refused by the LMS" in reader.text
    assert "Called them." in reader.text
    again = read(await house.post(f"{reviewer.path}/flag", {**sent, "reason": "Me too."}), 409)
    assert "This flag is not up any more" in again.text
    assert "What you wrote: Me too." in again.text


async def test_e4_the_authority_is_suspended_lifted_and_terminated_from_the_page(house: House) -> None:
    reviewer = await desk(house)
    assert "Authority to assist" not in (await reviewer.page()).text
    await house.certify(reviewer.case_id)
    text = (await reviewer.page()).text
    assert "Neither suspended nor to be terminated." in text
    assert "Write down what the assister says" not in text
    for values, said in (
        ({"suspension": "agreement", "until": "soon", "reason": "a complaint"}, "Enter a date"),
        ({"suspension": "agreement", "until": "2001-01-01", "reason": "a complaint"}, "This day is past"),
        ({"suspension": "agreement"}, "Give a reason"),
    ):
        for preview in ({}, {"preview": "1"}):  # no letter is shown of what would be refused
            answer = await reviewer.send("suspend", **values, **preview)
            assert answer.status_code == 422
            assert said in Reader(answer.text).text
    assert (await reviewer.send("suspend", suspension="system", until="", reason="a complaint")).status_code == 303
    await house.apply_commands()
    text = (await reviewer.page()).text
    assert "Access to systems suspended" in text
    assert "No term" in text
    missing = faulty(read(await reviewer.send("rebut", text=" "), 422))
    assert missing == {"rebut-text", "rebut-method", "rebut-reason"}
    words = {"text": "It was somebody else.", "method": "paper", "reason": "By letter."}
    assert (await reviewer.send("rebut", **words)).status_code == 303
    page = await reviewer.page()
    assert "Rebuttal to be answered" in page.text
    assert "It was somebody else." in page.text
    assert "In writing, for the assister. By letter." in page.text
    assert (await reviewer.send("lift", suspension_id="", reason="unfounded")).status_code == 303
    assert (await reviewer.send("give_notice", reason="unresolved")).status_code == 303
    await house.apply_commands()
    assert "To be terminated" in (await reviewer.page()).text
    assert (await reviewer.send("take_back", reason="resolved")).status_code == 303
    assert (await reviewer.send("terminate", reason="unresolved")).status_code == 303
    await house.apply_commands()
    assert [row.kind for row in await reviewer.commands()] == ["suspend", "lift", "give_notice", "lift", "terminate"]
    assert "Authority terminated" in (await reviewer.page()).text


async def test_e4_who_may_not_revoke_sees_the_authority_and_changes_nothing(house: House) -> None:
    reviewer = await desk(house)
    await house.certify(reviewer.case_id)
    await house.sign_in(StaffRole.AUDITOR)
    text = (await reviewer.page()).text
    assert "Authority to assist" in text
    assert "Suspend it" not in text
    for what in ("suspend", "lift", "take_back", "give_notice", "terminate", "rebut"):
        assert (await house.post(f"{reviewer.path}/{what}", {"reason": "mine"})).status_code == 403


async def test_e11_a_name_is_corrected_from_the_page(house: House) -> None:
    reviewer = await desk(house)
    assert "Correct the name" not in (await reviewer.page()).text
    await house.certify(reviewer.case_id)
    right = {"first_name": "Corregida", "last_name": "Muestra", "method": "paper", "document": "a card", "reason": "x"}
    for wrong in ({"first_name": "<b>"}, {"last_name": ""}, {"method": "magic"}, {"document": " "}, {"reason": ""}):
        answer = await reviewer.send("correct", **{**right, **wrong})
        assert answer.status_code == 422
        assert faulty(Reader(answer.text)) or "correct-first_name-error" in answer.text or "-last_name-" in answer.text
    assert await reviewer.commands() == []
    assert (await reviewer.send("correct", **right)).status_code == 303
    await house.apply_commands()
    text = (await reviewer.page()).text
    assert "Corregida Muestra" in text
    assert "Seen: a card. On paper" in text
    assert ", for the assister." not in text, "what was seen is no word of theirs"
    assert "case.name_corrected" in await reviewer.actions()
