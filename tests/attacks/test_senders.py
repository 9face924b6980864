"""A credential is one sender's, in one direction: what it is not for it doesn't open (D7)."""

import json
from typing import Any
from uuid import uuid4

import pytest
import structlog
from sqlmodel import select

from db.case_state import list_rows, load_snapshot
from db.tables import FactRow, InboxRow, UncountedReport
from domain.federal.profile import parse_registration
from tests.support import documents
from tests.support.sending import ADDRESSES, build_basic, build_credential, send_report
from tests.web.conftest import SENDERS
from tests.web.house import House

PORTAL_TOKEN = {"Authorization": "Bearer a-token-that-we-send-to-the-portal"}


async def register(house: House) -> tuple[dict[str, Any], dict[str, str]]:
    """A federal registration, and the statement that would complete its course."""
    opened = await house.services.cases.submit_request(parse_registration(documents.registration()))
    snapshot = await house.database.read(load_snapshot, opened.case_id)
    known = {"case_id": opened.case_id, "assister_id": opened.assister_id}
    return documents.course(snapshot.federal_policy.model_dump(mode="json"), known, "individual_full"), known


async def is_untouched(house: House, case_id: str) -> bool:
    """Whether nothing of any report is stored, counted or kept."""
    facts = await house.database.read(list_rows, select(FactRow))
    stored = [*await house.database.read(list_rows, select(InboxRow))]
    stored += await house.database.read(list_rows, select(UncountedReport))
    return not stored and not any(fact.kind.startswith("course") for fact in facts if fact.case_id == case_id)


@pytest.mark.parametrize("sender", ["record-store", "lms", "moodle"])
async def test_d7_the_record_store_completes_no_federal_course(house: House, sender: str) -> None:
    statement, known = await register(house)
    for path in ("/webhooks/lms", "/xapi/statements"):
        for body in (statement, [statement, {**statement, "id": str(uuid4())}]):
            answer = await send_report(house.browser, sender, path, body)
            # Moodle's accounts are others', so that the person isn't found at all there.
            assert answer.status_code == (422 if sender == "moodle" else 403), answer.text
    if sender != "moodle":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].startswith("This credential is for reports of training, results of exams of")
        assert await is_untouched(house, known["case_id"])
    assert (await send_report(house.browser, "mlms", "/webhooks/lms", statement)).status_code == 202


async def test_d7_the_portal_s_outbound_token_opens_nothing(house: House) -> None:
    _, known = await register(house)
    case = f"/api/cases/{known['case_id']}"
    steps = ("profile", "profile/next", "enrollments", "launches", "agreements/individual_general/accept")
    for path in (*(f"{case}/{step}" for step in steps), "/api/portal/applicants", f"{case}/decision"):
        answer = await house.browser.post(path, json={}, headers=PORTAL_TOKEN)
        assert (path, answer.status_code) == (path, 401)
    for path in ("/api/cases", case, f"{case}/audit"):
        assert (await house.browser.get(path, headers=PORTAL_TOKEN)).status_code == 401
    for path in {*ADDRESSES.values(), "/xapi/statements", "/api/vendors/vendor-a/tickets"}:
        assert (await house.browser.post(path, json={}, headers=PORTAL_TOKEN)).status_code == 401


@pytest.mark.parametrize("sender", SENDERS)
async def test_d7_a_credential_opens_its_own_door_alone(house: House, sender: str) -> None:
    entry, body = SENDERS[sender], json.dumps({"id": str(uuid4())}).encode()
    own = {ADDRESSES[kind] for kind in entry["kinds"] if kind in ADDRESSES}
    own = {f"/webhooks/vendors/{sender}"} if entry["kinds"] == ["vendor"] else own
    for path in {*ADDRESSES.values(), "/webhooks/vendors/vendor-c"}:
        with structlog.testing.capture_logs() as logged:
            answer = await house.browser.post(path, content=body, headers=build_credential(sender, body))
        if path in own:
            assert (path, answer.status_code) == (path, 422), answer.text  # it is let in, and says nothing
            continue
        assert (path, answer.status_code) == (path, 403), answer.text
        assert f"of the program {entry['program']}, and for nothing else." in answer.json()["detail"]
        noted = [one for one in logged if one["event"] == "sender.forbidden"]
        assert [(one["sender"], one["log"]) for one in noted] == [(sender, "security")]


@pytest.mark.parametrize("sender", ["portal-look-up", "docebo", "marketplace"])
async def test_d7_a_sender_s_token_opens_no_page_of_staff_and_no_other_s_step(house: House, sender: str) -> None:
    _, known = await register(house)
    case, headers = f"/api/cases/{known['case_id']}", build_credential(sender, b"")
    for path in ("/api/cases", case, f"{case}/audit", "/staff"):
        assert (path, (await house.browser.get(path, headers=headers)).status_code) == (path, 403)
    decision = {"decision": "approve", "reason": "I say so"}
    assert (await house.browser.post(f"{case}/decision", json=decision, headers=headers)).status_code == 403
    opens = await house.browser.post(f"{case}/profile/next", headers=headers)
    assert opens.status_code == 403, opens.text
    looked_up = await house.browser.post("/api/portal/applicants", json={"email": "x@example.com"}, headers=headers)
    assert looked_up.status_code == (404 if sender == "portal-look-up" else 403), looked_up.text


async def test_d7_forged_credentials_are_nobody_s_and_noted_without_what_was_sent(house: House) -> None:
    forged: list[dict[str, str]] = [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer a-token-of-the-marketplac"},
        {"Authorization": build_basic("store", "")},
        {"Authorization": build_basic("", "a-password-of-the-store")},
        {"Authorization": build_basic("moodle", "a-password-of-the-store")},
        {"Authorization": "Basic %%%"},
        {"X-Checkr-Signature": "0" * 64},
        {"webhook-id": "1", "webhook-timestamp": "0", "webhook-signature": "v1,AAAA"},
        {},
    ]
    for path in {*ADDRESSES.values(), "/xapi/statements"}:
        for headers in forged:
            with structlog.testing.capture_logs() as logged:
                answer = await house.browser.post(path, content=b'{"id": "7"}', headers=headers)
            assert (path, headers, answer.status_code) == (path, headers, 401)
            (noted,) = [one for one in logged if one.get("log") == "security"]
            assert (noted["event"], noted["status"]) == ("refused", 401)
