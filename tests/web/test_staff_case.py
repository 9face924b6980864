"""The page of a case as staff see it: its file, evidence, e-mails and certificates; and that accesses are recorded."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from db.tables import EffectRow, SentMail
from db.writes.cases import flag_case
from db.writes.effects import keep_evidence, stuck_flag
from domain.federal.profile import parse_registration
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Reason
from domain.state.eligibility import Check, Result, make_finding
from sandbox.registry import RegistryProducer, build_entity_report
from tests.support import documents
from tests.support.commands import note_refusal
from tests.support.tables import add_rows
from tests.web.house import NUMBER, PDF, House
from tests.web.test_pages import BROWSER, read
from web.http.permissions import StaffRole
from web.staff.case import MOST_SHOWN

LONG = "Donaudampfschifffahrtsgesellschaft-Hauptversammlungsort"
ANSWER = b"<?xml version='1.0'?><PDB><NAME>Testa &amp; Broker</NAME></PDB>"
SECOND = timedelta(seconds=1)


async def screened(house: House, case_id: str, **results: Result) -> None:
    """A screening's findings, by the names of their checks."""
    found = [make_finding(Check(check), result).model_dump(mode="json") for check, result in results.items()]
    await house.facts(case_id, FactKind.SCREENED, round=0, findings=found)


async def asked(house: House, case_id: str, raw: bytes = ANSWER) -> str:
    """An answer of the registry that is kept; its hash."""
    digest = sha256(raw).hexdigest()
    await house.services.database.write(
        keep_evidence, f"{case_id}:registry:0", case_id, "registry", raw, digest, datetime.now(UTC)
    )
    return digest


async def mailed(house: House, case_id: str, subject: str, html: str = "<p>Hello</p>") -> None:
    """A notice that was sent."""
    key, now = f"{case_id}:notice:request_received:0:", datetime.now(UTC)
    effect: dict[str, Any] = {"key": key, "case_id": case_id, "kind": "notice.request_received", "data": {}}
    mail: dict[str, Any] = {"key": key, "case_id": case_id, "notice": "request_received", "language": "es"}
    said = {"recipient": "somebody@example.com", "subject": subject, "text": f"{subject}: …", "html": html}
    await house.database.write(
        add_rows,
        EffectRow(**effect, result={"subject": subject}, intended_at=now, done_at=now),
        SentMail(**mail, **said, attachments=["a.pdf"], message_id="<1@example.org>", sent_at=now),
    )


async def looked(house: House, case_id: str) -> list[tuple[str, str]]:
    """Who looked at a case, and where, the last first."""
    return [(row.actor, row.page) for row in await house.list_accesses(case_id)]


async def test_the_page_says_who_it_is_where_it_stands_and_what_was_found(house: House) -> None:
    await house.sign_in()
    document = documents.broker(first_name="Zoë", last_name="O'Example")
    case_id = await house.open(document)
    await screened(house, case_id, npn_found=Result.PASS, name_matches=Result.FAIL, license_active=Result.UNKNOWN)
    digest = await asked(house, case_id)
    answer = await house.browser.get(f"/staff/cases/{case_id}")
    reader = read(answer)
    for name in ("npn", "license_number", "email", "phone"):
        assert document[name] in reader.text
    said = (
        "Zoë O'Example",
        "Sample Health, Example Mutual",
        "1 Sample Street",
        "Sampletown, TX 79901",
        "Waits for a decision",
    )
    assert [words for words in said if words not in reader.text] == []
    for result in ("Pass", "Fail", "Unknown"):
        assert f"</svg>{result}</span>" in answer.text, "said by its word, not by its colour alone"
    assert "A13 License and NPN are confirmed by the registry" in reader.text
    assert digest in reader.text
    assert f"/staff/cases/{case_id}/evidence/1" in [link.get("href") for link in reader.of("a")]
    assert await looked(house, case_id) == [("reviewer", "case")]


async def test_what_differs_between_request_and_registry_is_marked_by_a_word(house: House) -> None:
    await house.sign_in()
    document = documents.broker(first_name="Zoë", email="zoe@example.com")
    case_id = await house.open(document)
    await screened(house, case_id, npn_found=Result.PASS, name_matches=Result.FAIL)
    known = documents.producer(document, first_name="Otra", license={"active": False})
    await asked(house, case_id, Xml.tostring(build_entity_report(RegistryProducer(**known))))
    answer = await house.browser.get(f"/staff/cases/{case_id}")
    reader = read(answer)
    compared = reader.text.partition("Request and registry")[2].partition("Findings")[0]
    assert compared.count("Differs") == 1
    assert "First name Zoë Otra Differs" in compared
    assert f"E-mail address {document['email']} {document['email']} The same" in compared
    assert "Not active" in compared
    panel = reader.text.partition("Decision Checks")[2]
    assert "Fail Name on the license" in panel


async def test_an_answer_is_read_as_a_table_with_its_words_beside_it(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    await asked(house, case_id)
    answer = await house.browser.get(f"/staff/cases/{case_id}/evidence/1")
    reader = read(answer)
    assert "NAME Testa & Broker" in reader.text
    assert "&lt;PDB&gt;&lt;NAME&gt;Testa &amp;amp; Broker&lt;/NAME&gt;" in answer.text


async def test_the_vendor_s_report_is_a_link_where_its_pages_are_known(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_in()
    case_id, now = await house.open(documents.counselor()), datetime.now(UTC)
    ordered: dict[str, Any] = {"case_id": case_id, "kind": "background.ordered", "data": {}, "result": {}}
    await house.database.write(
        add_rows,
        EffectRow(key=f"{case_id}:background.ordered:0", external_id="cand/1", intended_at=now, done_at=now, **ordered),
    )
    await screened(house, case_id, intake_scope=Result.PASS)
    page = read(await house.browser.get(f"/staff/cases/{case_id}"))
    assert "At the vendor: cand/1" in page.text
    monkeypatch.setattr(
        house.services.settings, "background_checks_report_link", "https://vendor.example.org/of/{candidate}"
    )
    page = read(await house.browser.get(f"/staff/cases/{case_id}"))
    (link,) = [one for one in page.of("a") if "vendor.example.org" in (one.get("href") or "")]
    assert (link["href"], link["rel"]) == ("https://vendor.example.org/of/cand%2F1", "noreferrer")


async def test_a_case_of_which_nothing_is_known_yet_looks_right(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.counselor())
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    assert "The request is still being screened." in reader.text
    assert "Nothing has been sent yet." in reader.text
    assert "Evidence" not in reader.text
    assert "decision" not in {form["action"] for form in reader.of("form")}


async def test_forty_findings_and_long_names_are_sound(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker(first_name=LONG, last_name=LONG))
    every = [make_finding(check, result).model_dump(mode="json") for check in Check for result in list(Result)[:4]]
    await house.facts(case_id, FactKind.SCREENED, round=0, findings=every)
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    results = [tag for tag in reader.of("span") if "tag--sign" in (tag.get("class") or "")]
    assert len(results) == 2 * (len(every) + 2), "and the agreement, and whose the NPN is; in short beside the decision"


async def test_what_happened_is_told_in_order_and_in_the_reader_s_language(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    await house.decide(case_id, "ask", "Which licence is it?")
    why = Reason("override_needed", {"checks": "name_matches"})
    await house.services.database.write(
        note_refusal, case_id, CommandKind.DECIDE, "other", "Fine.", why, datetime.now(UTC) + SECOND
    )
    english, spanish = [
        read(await house.browser.get(f"/staff/cases/{case_id}?lang={language}")).text for language in ("en", "es")
    ]
    told = ["Request received", "Agreement accepted", "Request screened", "Information asked for", "Decision: Refused"]
    happened = english.partition("What happened")[2]
    assert sorted(told, key=happened.index) == told
    assert "Which licence is it?" in happened
    assert "Approval needs a recorded override, because of: Name on the license." in happened
    assert "La aprobación" in spanish
    assert "name_matches" not in spanish


async def test_evidence_is_text_escaped_and_bounded(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    digest = await asked(house, case_id, b"<script>alert(1)</script>" + b"x" * MOST_SHOWN)
    answer = await house.browser.get(f"/staff/cases/{case_id}/evidence/1")
    reader = read(answer)
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert digest in reader.text
    assert "only the first 65,536 bytes" in reader.text
    assert await looked(house, case_id) == [("reviewer", "evidence")]
    for nothing in ("2", "x"):
        answer = await house.browser.get(f"/staff/cases/{case_id}/evidence/{nothing}", headers={"Accept": BROWSER})
        assert answer.status_code == 404
        assert "Page not found" in answer.text
        assert '<a href="/?lang=en">Go to the home page</a>' in answer.text


async def test_an_e_mail_is_shown_as_text_and_shut_in_as_it_looks(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    await mailed(house, case_id, "Hemos recibido <su> solicitud", "<p style='color:red'>Hola</p><script>1</script>")
    page = read(await house.browser.get(f"/staff/cases/{case_id}/mails/1"))
    assert "Hemos recibido <su> solicitud: …" in page.text
    assert "somebody@example.com" in page.text
    (frame,) = page.of("iframe")
    assert "sandbox" in frame
    shown = await house.browser.get(f"/staff/cases/{case_id}/mails/1/html")
    assert "<p style='color:red'>Hola</p>" in shown.text
    policy = shown.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "style-src 'unsafe-inline'"} <= set(policy)
    assert shown.headers["cache-control"] == "no-store"
    assert await looked(house, case_id) == [("reviewer", "mail")], "what a page frames is no view of its own"
    assert (await house.browser.get(f"/staff/cases/{case_id}/mails/2")).status_code == 404
    assert (await house.browser.get(f"/staff/cases/{case_id}/mails/2/html")).status_code == 404


async def test_the_certificate_can_be_read_and_its_public_page_opened(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    await house.certify(case_id)
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    assert f"{NUMBER} Valid" in reader.text
    assert "85%" in reader.text
    assert f"/certificates/{NUMBER}" in [link.get("href") for link in reader.of("a")]
    file = await house.browser.get(f"/staff/cases/{case_id}/certificate")
    assert (file.content, file.headers["content-type"]) == (PDF, "application/pdf")
    assert (await looked(house, case_id))[0] == ("reviewer", "certificate")
    assert (await house.browser.get(f"/staff/cases/{case_id}/certificate/shop")).status_code == 404


async def test_a_certificate_whose_file_is_gone_is_said(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    await house.certify(case_id)
    for file in Path(house.services.settings.certificates_dir).iterdir():
        file.unlink()
    read(await house.browser.get(f"/staff/cases/{case_id}/certificate"), 503)


async def test_a_registration_shows_profile_courses_agreements_and_lists(house: House) -> None:
    await house.sign_in()
    opened = await house.services.cases.submit_request(parse_registration(documents.registration()))
    case_id = opened.case_id
    saved: dict[str, Any] = {"version": 1, "role": "marketplace_agent_broker", "npn": "verified"}
    await house.facts(case_id, FactKind.BEGUN)
    await house.facts(case_id, FactKind.PROFILE_SAVED, **saved)
    await house.facts(case_id, FactKind.ENROLLED, curriculum="individual_full", channel="vendor-a", automatic=False)
    await house.facts(case_id, FactKind.WATCH_OPENED, market="individual", due={"rcl": "2026-11-24"})
    await house.facts(case_id, FactKind.LIST_LATE, market="individual", list="rcl", due_on="2026-11-24")
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    said = ("Confirmed by the registry", "Full Individual Market training", "vendor-a", "Late", "Business contact")
    assert [words for words in said if words not in reader.text] == []
    assert "Findings" not in reader.text
    assert "Decision" not in reader.text.partition("What happened")[0]


async def test_the_other_cases_of_a_person_are_named(house: House) -> None:
    await house.sign_in()
    document = documents.broker()
    first, second = await house.open(document), await house.open({**document, "plan_year": 2027})
    reader = read(await house.browser.get(f"/staff/cases/{second}"))
    assert f"/staff/cases/{first}" in [link.get("href") for link in reader.of("a")]


async def test_who_looked_is_for_those_who_may_know(house: House) -> None:
    case_id = await house.open(documents.broker())
    await house.sign_in()
    assert "Who looked at this case" not in read(await house.browser.get(f"/staff/cases/{case_id}")).text
    await house.sign_in(StaffRole.AUDITOR)
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    assert "reviewer Case" in reader.text.partition("Who looked at this case")[2]
    assert {form["action"] for form in reader.of("form")} == {"/staff/sign-out", "/staff/search"}, (
        "an auditor changes nothing"
    )


async def test_the_workflow_is_one_link_away_where_there_is_a_temporal_ui(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    assert "Temporal" not in read(await house.browser.get(f"/staff/cases/{case_id}")).text
    monkeypatch.setattr(house.services.settings, "temporal_ui_url", "http://127.0.0.1:8233/")
    reader = read(await house.browser.get(f"/staff/cases/{case_id}"))
    workflow = f"http://127.0.0.1:8233/namespaces/default/workflows/assister%2Fbewellnm%2F2024%2F{case_id}"
    assert workflow in [link.get("href") for link in reader.of("a")]


@pytest.mark.parametrize("page", ["", "/evidence/1", "/mails/1", "/mails/1/html", "/certificate"])
async def test_there_is_nothing_of_a_case_there_is_not_and_nothing_for_who_is_not_signed_in(
    house: House, page: str
) -> None:
    html = {"accept": "text/html"}
    path = f"/staff/cases/0f0e0d0c-0000-4000-8000-000000000000{page}"
    answer = await house.browser.get(path, headers=html)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/staff/sign-in?")
    await house.sign_in()
    read(await house.browser.get(path, headers=html), 404)


async def test_a_way_back_and_on_keeps_what_the_list_was_narrowed_down_to(house: House) -> None:
    await house.sign_in()
    cases = []
    for _ in range(2):
        cases.append(await house.open(documents.broker()))
        await screened(house, cases[-1], npn_found=Result.PASS)
    reader = read(await house.browser.get(f"/staff/cases/{cases[0]}?kind=broker&plan_year=2024"))
    ways = {link.get("href") for link in reader.of("a")}
    assert {"/staff?plan_year=2024&kind=broker", f"/staff/cases/{cases[1]}?plan_year=2024&kind=broker"} <= ways
    assert f"/staff/cases/{cases[0]}/decision?plan_year=2024&kind=broker" in {
        form["action"] for form in reader.of("form")
    }
    reader = read(await house.browser.get(f"/staff/cases/{cases[0]}?kind=broker&view=all"))
    assert "/staff/cases?kind=broker" in {link.get("href") for link in reader.of("a")}
    assert "Next in the queue" not in reader.text


async def test_what_an_address_says_was_done_is_only_said_if_it_is_true(house: House) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker(first_name="Decidida"))
    other = await house.open(documents.broker())
    address = f"/staff/cases/{other}?done=approve&of={case_id}"
    for path in (address, f"/staff/cases/{other}?done=approve&of=x", f"/staff/cases/{other}?done=flag&of={other}"):
        assert "Approved" not in read(await house.browser.get(path)).text
        assert "taken down" not in read(await house.browser.get(path)).text
    await screened(house, case_id, npn_found=Result.PASS)
    decided = {"verdict": "approve", "by": "reviewer", "reason": "Fine.", "override": None, "round": 0}
    await house.facts(case_id, FactKind.DECIDED, **decided)
    reader = read(await house.browser.get(address))
    assert "Approved: Decidida Broker . Next in the queue:" in reader.text
    assert (await looked(house, case_id))[0] == ("reviewer", "case")
    await house.sign_in(StaffRole.AUDITOR)
    assert "Decidida" not in read(await house.browser.get(address)).text


@pytest.mark.parametrize(
    ("language", "label"),
    [("en", "E-mail to the assister keeps failing"), ("es", "El correo al asistente sigue fallando")],
)
async def test_an_activity_that_keeps_failing_is_shown_with_its_code(house: House, language: str, label: str) -> None:
    await house.sign_in()
    case_id = await house.open(documents.broker())
    await house.database.write(flag_case, case_id, stuck_flag("notices.send"), datetime.now(UTC), "mail_unreachable")
    spoken = {"accept-language": language}
    case = read(await house.browser.get(f"/staff/cases/{case_id}", headers=spoken))
    queue = read(await house.browser.get("/staff?attention=notices.send.stuck", headers=spoken))
    assert [label in page.text for page in (case, queue)] == [True, True]
    assert "mail_unreachable" in case.text
    assert f"/staff/cases/{case_id}" in " ".join(link.get("href") or "" for link in queue.of("a"))
