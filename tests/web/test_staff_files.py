"""Reads follow need: operators and appeals reviewers read the files of those cases that wait for what they do."""

from datetime import UTC, datetime

import pytest

from db.writes.cases import clear_flag, flag_case
from db.writes.effects import stuck_flag
from domain.shared.cases.facts import FactKind
from tests.support import documents
from tests.web.house import House
from tests.web.test_access import api_routes, callables
from tests.web.test_pages import BROWSER, read
from web.http.auth import PermissionRequired, list_access
from web.http.permissions import GRANTS, Permission, StaffRole

STUCK = stuck_flag("notices.send")
# A case's own addresses, by what stands before its id and after it.
FILES = ("/staff/cases/{}", "/api/cases/{}/audit", "/api/cases/{}?history=true")
# And its appeals, which operators never see.
APPEALS = ("/staff/appeals/{}", "/staff/appeals/{}/1/evidence/1", "/api/cases/{}/appeal")
_PARTS = ("evidence/1", "mails/1", "mails/1/html", "certificate", "certificate/shop")
INSIDE = tuple(f"/staff/cases/{{}}/{part}" for part in _PARTS)


async def opened_by(house: House, role: StaffRole, case_id: str) -> set[int]:
    """The statuses by which this role is answered at every address of a case's file."""
    await house.sign_in(role)
    pages = [await house.browser.get(path.format(case_id)) for path in FILES]
    beside = () if role is StaffRole.OPERATOR else (*APPEALS, "/api/cases/{}/appeal/1/evidence/1")
    inside = [await house.browser.get(path.format(case_id)) for path in (*INSIDE, *beside)]
    assert {answer.status_code == 403 for answer in pages} == {answer.status_code == 403 for answer in inside}
    return {answer.status_code for answer in pages}


@pytest.mark.parametrize("role", [StaffRole.OPERATOR, StaffRole.APPEALS_REVIEWER])
async def test_a_file_that_waits_for_nothing_of_theirs_is_not_theirs_to_read(house: House, role: StaffRole) -> None:
    case_id = await house.open(documents.broker(first_name="Reservada"))
    assert await opened_by(house, role, case_id) == {403}
    answer = await house.browser.get(f"/staff/cases/{case_id}", headers={"Accept": BROWSER})
    refused = read(answer, 403)
    assert "This file is not for you to read" in refused.text
    assert "/staff" in [link.get("href") for link in refused.of("a")], "back to what is theirs"
    assert "Reservada" not in answer.text
    assert await house.list_accesses(case_id) == []
    # What is tried with a case shows its file no more than its own page does.
    csrf = await house.sign_in(role)
    tried = await house.post(f"/staff/cases/{case_id}/resend", {"csrf_token": csrf}, Accept=BROWSER)
    assert (tried.status_code, "Reservada" in tried.text) == (403, False)
    # Where a case is, and what they may do with it, stays theirs.
    assert (await house.browser.get(f"/api/cases/{case_id}")).status_code == 200
    assert (await house.browser.get("/api/cases/none/audit")).status_code == 404


@pytest.mark.parametrize("role", [StaffRole.REVIEWER, StaffRole.AUDITOR])
async def test_who_decides_and_who_audits_read_every_file(house: House, role: StaffRole) -> None:
    assert await opened_by(house, role, await house.open(documents.broker())) == {200}


async def test_an_operator_reads_what_is_flagged_and_for_a_day_what_was(house: House) -> None:
    case_id, now = await house.open(documents.broker()), datetime.now(UTC)
    await house.database.write(flag_case, case_id, STUCK, now, "mail_unreachable")
    assert await opened_by(house, StaffRole.OPERATOR, case_id) == {200}
    assert await opened_by(house, StaffRole.APPEALS_REVIEWER, case_id) == {403}
    await house.database.write(clear_flag, case_id, STUCK, "operator", "Done.", now)
    assert await opened_by(house, StaffRole.OPERATOR, case_id) == {200}
    earlier = await house.open(documents.broker())
    long_ago = datetime(2026, 1, 2, tzinfo=UTC)
    await house.database.write(flag_case, earlier, STUCK, long_ago, "mail_unreachable")
    await house.database.write(clear_flag, earlier, STUCK, "operator", "Done.", long_ago)
    assert await opened_by(house, StaffRole.OPERATOR, earlier) == {403}


async def test_an_appeals_reviewer_reads_what_was_denied_or_revoked(house: House) -> None:
    denied, approved = [await house.open(documents.broker()) for _ in range(2)]
    await house.decide(denied, "deny", "Not licensed.")
    await house.decide(approved, "approve")
    assert await opened_by(house, StaffRole.APPEALS_REVIEWER, denied) == {200}
    assert await opened_by(house, StaffRole.APPEALS_REVIEWER, approved) == {403}
    await house.facts(approved, FactKind.REVOKED, by="riley", reason="A sample reason.")
    assert await opened_by(house, StaffRole.APPEALS_REVIEWER, approved) == {200}
    assert await opened_by(house, StaffRole.OPERATOR, approved) == {403}


def test_every_address_about_a_case_asks_whether_its_file_is_theirs_to_read() -> None:
    """Of those a role may call that doesn't read every file; commands answer with where the case is, no more."""
    commands = ("", "/resend")
    # That of a case's own page asks as it is rendered, after a form of it too.
    answers = {"/staff/cases/{case_id}", *(f"/api/cases/{{case_id}}{part}" for part in commands)}
    found = set()
    for route in api_routes():
        (whom,) = list_access(route)
        if "{case_id}" not in route.path_format or not isinstance(whom, PermissionRequired):
            continue
        roles = [role for role in StaffRole if whom.permission in GRANTS[role]]
        if any(Permission.READ_FILES not in GRANTS[role] for role in roles):
            names = {getattr(one, "__qualname__", "") for one in callables(route.dependant)}
            if not any(name.startswith(("require_file", "require_form")) for name in names):
                found.add(route.path_format)
    assert found == answers


async def test_somebody_of_staff_sees_and_ends_their_own_sessions_alone(house: House) -> None:
    other_browser = await house.open_session("reviewer", "Rita Example", ["reviewer"], datetime.now(UTC))
    theirs = await house.find_session(other_browser, datetime.now(UTC))
    somebody = await house.open_session("oscar", "Oscar Example", ["reviewer"], datetime.now(UTC))
    others = await house.find_session(somebody, datetime.now(UTC))
    assert theirs is not None
    assert others is not None
    csrf = await house.sign_in(StaffRole.REVIEWER)
    reader = read(await house.browser.get("/staff/own-sessions"))
    assert "Where you are signed in now." in reader.text
    assert "Oscar Example" not in reader.text
    path = f"/staff/own-sessions/{theirs.id}/end"
    assert [form["action"] for form in reader.of("form") if "sessions" in (form["action"] or "")] == [path]
    assert (await house.post(path, {})).status_code == 403
    ended = await house.post(path, {"csrf_token": csrf})
    assert ended.headers["location"] == "/staff/own-sessions?told=ended"
    assert await house.find_session(other_browser, datetime.now(UTC)) is None
    not_theirs = await house.post(f"/staff/own-sessions/{others.id}/end", {"csrf_token": csrf})
    assert not_theirs.headers["location"] == "/staff/own-sessions?told=gone"
    assert await house.find_session(somebody, datetime.now(UTC)) is not None
