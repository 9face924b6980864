"""Every write about a case is there: who, when, what, why; it can be read by staff and changed by nobody (C9)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_c9_the_whole_way_is_audited_with_actor_time_and_reason(world: World) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    request = documents.counselor()
    opened = await world.opened(request)
    await world.approved(opened, decision="ask", reason="which clinic?")
    link = await world.own_page(opened, request["email"])
    answer = await world.http.post(f"{link}/information", json={"message": "the one downtown", "phone": "505-555-0199"})
    assert answer.status_code == 200, answer.text
    await world.approved(opened, reason="clinic confirmed")
    await world.reported(opened, "account", "profile", "started", "course", "0.5", "0.9")
    await world.until(opened, lambda status: status["waiting_for"] == "portal_activation")
    await world.letter(request["email"], lambda letter: "/activate/" in letter["text"])
    await world.command(opened, "resend", notice="portal_activation", reason="lost")
    await world.reported_by_portal(opened, "account.activated", "profile.completed", "scheduling_tool.ready")
    await world.until(opened, "active")
    await world.letter(request["email"], lambda letter: "Ya puede" in letter["subject"])
    await world.command(opened, "revoke", reason="left the clinic")
    await world.letter(request["email"], lambda letter: "revocó" in letter["subject"])
    audit = await _settled(world, opened, "notice.revoked")
    found = [(entry["actor"], entry["action"], entry["reason"]) for entry in audit]
    for wanted in [
        ("sender:intake", "case.opened", None),
        ("system", "case.begun", None),
        ("system", "notice.request_received", None),
        ("system", "case.screened", None),
        ("system", "background.ordered", None),
        ("sender:background-checks", "webhook.report.completed", None),
        ("staff:staff", "case.decided", "which clinic?"),
        ("system", "notice.information_needed", None),
        ("assister", "case.answered", "the one downtown"),
        ("staff:staff", "case.decided", "clinic confirmed"),
        ("system", "training.invited", None),
        ("system", "notice.lms_invitation", None),
        ("sender:lms", "webhook.registered", None),
        ("sender:lms", "webhook.completed", None),
        ("sender:lms", "webhook.initialized", None),
        ("sender:lms", "webhook.failed", None),
        ("sender:lms", "webhook.passed", None),
        ("system", "certificate.issued", None),
        ("system", "notice.certificate_issued", None),
        ("system", "portal.account_created", None),
        ("system", "notice.portal_activation", None),
        ("staff:staff", "case.notice_resent", "lost"),
        ("sender:portal", "webhook.account.activated", None),
        ("sender:portal", "webhook.profile.completed", None),
        ("sender:portal", "webhook.scheduling_tool.ready", None),
        ("system", "notice.active", None),
        ("staff:staff", "case.revoked", "left the clinic"),
        ("system", "notice.revoked", None),
    ]:
        assert wanted in found
    times = [datetime.fromisoformat(entry["at"]) for entry in audit]
    assert all(began <= at <= datetime.now(UTC) for at in times)
    decided = [entry["details"] for entry in audit if entry["action"] == "case.decided"]
    assert [details["verdict"] for details in decided] == ["ask", "approve"]
    (answered,) = [entry["details"] for entry in audit if entry["action"] == "case.answered"]
    assert answered["changed"] == ["phone"]
    (passed,) = [entry["details"] for entry in audit if entry["action"] == "webhook.passed"]
    assert (passed["score"], passed["passed"]) == ("0.9", True)


async def _settled(world: World, opened: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """The audit, once this action is in it."""
    async with asyncio.timeout(PATIENCE):
        while action not in [entry["action"] for entry in await world.audit(opened)]:
            await asyncio.sleep(0.05)
    return await world.audit(opened)


async def test_c9_what_was_refused_is_audited_too(world: World) -> None:
    opened = await world.opened(documents.broker(), license={"active": False})
    await world.until(opened, "awaiting_decision")
    refused = await world.decide(opened, reason="looks fine to me")
    assert refused.status_code == 409
    overridden = await world.decide(opened, reason="paper licence seen", override="renewal is on its way")
    assert overridden.status_code == 200
    audit = await world.audit(opened)
    (no,) = [entry for entry in audit if entry["action"] == "decide.refused"]
    assert (no["actor"], no["reason"], no["details"]["answer"]) == (
        "staff:staff",
        "looks fine to me",
        refused.json()["detail"],
    )
    (yes,) = [entry for entry in audit if entry["action"] == "case.decided"]
    assert (yes["actor"], yes["reason"]) == ("staff:staff", "paper licence seen")
    assert yes["details"]["override"] == "renewal is on its way"


async def test_c9_the_audit_only_grows_and_no_route_changes_it(world: World) -> None:
    opened = await world.opened(documents.broker())
    await world.until(opened, "awaiting_decision")
    await _settled(world, opened, "notice.request_received")
    before = await world.audit(opened)
    url = f"{world.web}/api/cases/{opened['case_id']}/audit"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await world.http.request(method, url, headers=world.staff, json={})
        assert answer.status_code == 405
    assert await world.audit(opened) == before
    await world.reported(opened, "0.5")
    await world.command(opened, "withdraw", reason="moved away")
    assert (await _settled(world, opened, "notice.withdrawn"))[: len(before)] == before
    routes = (await world.http.get(f"{world.web}/openapi.json")).json()["paths"]
    assert {method for path, methods in routes.items() if "audit" in path for method in methods} == {"get"}


async def test_c9_the_audit_is_for_staff(world: World) -> None:
    opened = await world.opened(documents.broker())
    url = f"{world.web}/api/cases/{opened['case_id']}/audit"
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        assert (await world.http.get(url, headers=headers)).status_code == 401


async def test_c9_neither_secrets_nor_links_are_in_it(world: World) -> None:
    request = documents.counselor()
    opened = await world.certified(request)
    letter = await world.letter(request["email"], lambda letter: "/activate/" in letter["text"])
    link = next(word for word in letter["text"].split() if "/activate/" in word)
    text = (await world.get(f"/api/cases/{opened['case_id']}/audit")).text
    assert link.rsplit("/", 1)[-1] not in text
    assert request["email"] not in text


async def test_c9_history_and_audit_can_be_exported_as_json(world: World) -> None:
    opened = await world.certified(documents.agent())
    document = (await world.get(f"/api/cases/{opened['case_id']}?history=true")).json()
    assert all(entry["at"] and entry["id"] and entry["kind"] for entry in document["history"])
    kinds = [entry["kind"] for entry in document["history"]]
    assert kinds.index("decided") < kinds.index("exam_attempted") < kinds.index("certificate_issued")
    assert all(entry["at"] and entry["actor"] and entry["action"] for entry in await world.audit(opened))
