"""Events that webhooks brought and that are held or were kept aside: shown to staff, and delivered all the same."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select

from db.case_state import list_rows, load_snapshot
from db.tables import AlteredEvent, AuditRow, FactRow, InboxRow
from db.writes.webhooks.inbox import accept_portal_report, accept_statements
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.state.policies import find_state_policy
from domain.state.portal_reports import parse_portal_report
from tests.support import documents
from tests.support.senders import LMS, PORTAL
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole
from web.staff.webhooks import AT_A_TIME, MOST_SHOWN

HTML = {"accept": "text/html"}


async def premature(house: House, case_id: str) -> None:
    """The portal reports an account before there is a certificate."""
    body = {"type": "account.registered", "case_id": case_id, "occurred_at": datetime.now(UTC).isoformat()}
    report, digest = parse_portal_report(body)
    await house.database.write(accept_portal_report, PORTAL, str(uuid4()), report, digest, body, datetime.now(UTC))


async def attempt(house: House, case_id: str, score: float, statement_id: str, **changes: Any) -> bool:
    """The LMS reports an exam; whether the same id came before with other content."""
    policy = find_state_policy("bewellnm", 2024)
    assert policy is not None
    case = (await house.services.database.read(load_snapshot, case_id)).case
    opened = {"case_id": case_id, "assister_id": case.assister_id}
    sent = {**documents.exam(policy.model_dump(mode="json"), opened, score), "id": statement_id, **changes}
    statement = read_json(json.dumps(sent).encode())
    return (await house.database.write(accept_statements, LMS, read_statements(statement), datetime.now(UTC))).altered


async def altered(house: House, case_id: str, **changes: Any) -> int:
    """An event that was kept aside; its number."""
    statement_id = str(uuid4())
    assert not await attempt(house, case_id, 0.6, statement_id)
    assert await attempt(house, case_id, 0.9, statement_id, **changes)
    (number,) = await house.database.read(list_rows, select(col(AlteredEvent.id)))
    return int(number)


async def kept(house: House) -> list[InboxRow]:
    return await house.database.read(list_rows, select(InboxRow).order_by(col(InboxRow.id)))


async def audited(house: House, action: str) -> list[AuditRow]:
    return await house.database.read(list_rows, select(AuditRow).where(col(AuditRow.action) == action))


async def test_nothing_held_looks_right(house: House) -> None:
    await house.sign_in()
    reader = read(await house.browser.get("/staff/webhooks"))
    assert "Nothing is held." in reader.text
    assert "Nothing was kept aside." in reader.text


async def test_what_is_held_says_why_and_a_reviewer_only_reads(house: House) -> None:
    case_id = await house.open(documents.broker())
    await premature(house, case_id)
    await altered(house, case_id)
    await house.sign_in()
    reader = read(await house.browser.get("/staff/webhooks"))
    held, aside = reader.text.split("These came with the id of an earlier event")
    assert "Without effect It was reported before the certificate was issued." in held
    assert "Final exam taken" in held, "which waits to be delivered, since nothing runs"
    assert "See what it says" in aside
    assert {form["action"] for form in reader.of("form")} == {"/staff/sign-out", "/staff/search"}
    assert f"/staff/cases/{case_id}" in {link.get("href") for link in reader.of("a")}
    assert "Testa Broker" in held
    (access,) = await house.list_accesses(case_id)
    assert (access.actor, access.page) == ("reviewer", "webhooks"), "of whose case it is, and nothing of what they say"
    spanish = read(await house.browser.get("/staff/webhooks?lang=es")).text
    assert "Se comunicó antes de emitirse el certificado." in spanish


async def test_lists_go_on_page_by_page_each_on_its_own(house: House) -> None:
    case_id = await house.open(documents.broker())
    for _ in range(AT_A_TIME + 1):
        await premature(house, case_id)
    await altered(house, case_id)
    await house.sign_in()
    first = read(await house.browser.get("/staff/webhooks"))
    (following,) = [link["href"] for link in first.of("a") if link.get("rel") == "next"]
    assert (following or "").startswith("/staff/webhooks?held=")
    second = read(await house.browser.get(following or ""))
    rows = [tag for tag in second.of("td") if tag.get("data-label") == "State"]
    assert len(rows) == 3, "two that are held, and the one kept aside stays"
    answer = await house.browser.get("/staff/webhooks?held=nonsense")
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/webhooks")


async def test_what_waits_is_delivered_with_a_reason(house: House) -> None:
    case_id = await house.open(documents.broker())
    await attempt(house, case_id, 0.9, str(uuid4()))
    (row,) = await kept(house)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    path = f"/staff/webhooks/{row.id}/deliver"
    listed = read(await house.browser.get("/staff/webhooks"))
    assert path in {form["action"] for form in listed.of("form")}
    assert (case_id[:8] in listed.text, "Testa Broker" in listed.text) == (True, False), "no file that they may read"
    assert await house.list_accesses(case_id) == []
    reader = read(await house.post(path, {"csrf_token": csrf, "reason": " "}), 422)
    assert "Give a reason." in reader.text
    assert [field["id"] for field in reader.of("textarea") if field.get("aria-invalid")] == [f"reason-{row.id}"]
    answer = await house.post(path, {"csrf_token": csrf, "reason": "The LMS asks."})
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/webhooks?done=delivered")
    assert "The event is delivered." in read(await house.browser.get(answer.headers["location"])).text
    assert [one.state for one in await kept(house)] == ["delivered"]
    (entry,) = await audited(house, "webhook.released")
    assert (entry.actor, entry.reason, entry.case_id) == ("operator", "The LMS asks.", case_id)
    again = read(await house.post(path, {"csrf_token": csrf, "reason": "Once more."}), 409)
    assert "This event has been delivered already." in again.text


async def test_what_has_no_effect_is_refused_with_a_sentence(house: House) -> None:
    case_id = await house.open(documents.broker())
    await premature(house, case_id)
    (row,) = await kept(house)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    form = {"csrf_token": csrf, "reason": "Please."}
    reader = read(await house.post(f"/staff/webhooks/{row.id}/deliver?lang=es", form), 409)
    assert "Esto se comunicó demasiado pronto" in reader.text
    assert [one.state for one in await kept(house)] == ["without_effect"]
    assert len(await audited(house, "webhook.release_refused")) == 1


async def test_an_altered_event_is_read_on_demand_and_the_access_recorded(house: House) -> None:
    case_id = await house.open(documents.broker())
    number = await altered(house, case_id, note="<script>" + "x" * MOST_SHOWN)
    await house.sign_in(StaffRole.AUDITOR)
    answer = await house.browser.get(f"/staff/webhooks/altered/{number}")
    reader = read(answer)
    assert "&lt;script&gt;" in answer.text
    assert "<script>x" not in answer.text
    assert "only the first 65,536 characters" in reader.text
    assert "Final exam taken Waits to be delivered" in reader.text, "what came first"
    assert {form["action"] for form in reader.of("form")} == {"/staff/sign-out", "/staff/search"}
    (access,) = await house.list_accesses(case_id)
    assert (access.actor, access.page) == ("auditor", "webhook")


async def test_an_altered_event_is_taken_as_a_new_one_once(house: House) -> None:
    case_id = await house.open(documents.broker())
    number = await altered(house, case_id)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    path = f"/staff/webhooks/altered/{number}/deliver"
    reader = read(await house.post(path, {"csrf_token": csrf}), 422)
    assert [field["id"] for field in reader.of("textarea") if field.get("aria-invalid")] == [f"reason-{number}"]
    answer = await house.post(path, {"csrf_token": csrf, "reason": "The LMS corrected the score."})
    assert answer.headers["location"] == "/staff/webhooks?done=delivered"
    found = await house.database.read(list_rows, select(FactRow).where(col(FactRow.kind) == "exam_attempted"))
    assert sorted(row.data["score"] for row in found) == ["0.6", "0.9"]
    reader = read(await house.browser.get(f"/staff/webhooks/altered/{number}"))
    assert "Staff had it delivered all the same." in reader.text
    assert path not in {form["action"] for form in reader.of("form")}
    again = read(await house.post(path, {"csrf_token": csrf, "reason": "Once more."}), 409)
    assert "This event has been taken already." in again.text


async def test_an_altered_event_that_does_not_fit_its_case_says_why(house: House) -> None:
    case_id, other = await house.open(documents.broker()), await house.open(documents.broker())
    number = await altered(house, case_id, context={"registration": other})
    csrf = await house.sign_in(StaffRole.OPERATOR)
    form = {"csrf_token": csrf, "reason": "Please."}
    reader = read(await house.post(f"/staff/webhooks/altered/{number}/deliver", form), 409)
    assert "This can't be done now" in reader.text
    assert "Please." in reader.text, "what was typed is kept"


async def test_only_who_may_deliver_delivers_and_only_what_there_is(house: House) -> None:
    case_id = await house.open(documents.broker())
    number = await altered(house, case_id)
    (row,) = await kept(house)
    paths = (f"/staff/webhooks/{row.id}/deliver", f"/staff/webhooks/altered/{number}/deliver")
    csrf = await house.sign_in()
    for path in paths:
        read(await house.post(path, {"csrf_token": csrf, "reason": "x"}, **HTML), 403)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    for path in paths:
        read(await house.post(path, {"reason": "x"}, **HTML), 403)
    assert await audited(house, "webhook.released") == []
    form = {"csrf_token": csrf, "reason": "x"}
    read(await house.browser.get("/staff/webhooks/altered/4711", headers=HTML), 404)
    for path in ("/staff/webhooks/4711/deliver", "/staff/webhooks/altered/4711/deliver"):
        read(await house.post(path, form, **HTML), 404)
    assert (await house.browser.get(f"/staff/webhooks/altered/{10**30}")).status_code == 422


@pytest.mark.parametrize("path", ["/staff/webhooks", "/staff/webhooks/altered/1"])
async def test_who_is_not_signed_in_is_led_to_the_log_in(house: House, path: str) -> None:
    answer = await house.browser.get(path, headers=HTML)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/staff/sign-in")
