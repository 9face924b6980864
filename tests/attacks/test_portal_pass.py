"""The marketplace's portal acts for nobody who hasn't given it a pass, and tells by nothing who is here (D6, D7)."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import structlog
from sqlmodel import select

from db.case_state import list_rows, load_case
from db.own_tables import OwnSession, PortalPass
from db.reads.cases import read_audit
from db.tables import CommandRow, FactRow, TicketRow
from db.writes.facts import lock_case
from db.writes.own.portal_passes import LASTS, find_portal_pass, give_portal_pass
from db.writes.own.sessions import IDLE
from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import Stage
from domain.shared.ids import hash_token
from tests.support import documents
from tests.support.sending import build_credential
from tests.web.house import House
from web.http.auth import choose_own_cookie

OWNER = "testa.owner@example.com"
COURSE = {"curriculum": "shop", "channel": "vendor-a"}
STEPS: dict[str, dict[str, Any]] = {
    "profile": {"phone": "505-555-0177"},
    "profile/next": {},
    "enrollments": COURSE,
    "launches": COURSE,
}
NOBODYS = "0f0e0d0c-0000-4000-8000-000000000000"
HTML = {"Accept": "text/html", "Accept-Language": "en"}


async def open_case(house: House, owner: str = OWNER) -> str:
    case_id = await house.open(documents.registration(email=owner))
    await house.facts(case_id, FactKind.BEGUN)
    return case_id


async def give(
    house: House, case_id: str, *, owner: str = OWNER, portal: str = "marketplace", ago: timedelta = timedelta()
) -> str:
    """A pass of its owner's, made in a session of theirs; the session stays in this browser."""
    token, at = await house.own_session(owner), datetime.now(UTC) - ago
    secret, _ = await house.database.write(give_portal_pass, token, case_id, portal, at)
    return secret


async def take_step(
    house: House, case_id: str, step: str, portal_pass: str | None = None, body: Any = None
) -> httpx2.Response:
    """What the portal sends; of nobody's browser."""
    headers = build_credential("marketplace", b"") | ({} if portal_pass is None else {"Portal-Pass": portal_pass})
    given = STEPS.get(step, {}) if body is None else body
    return await house.browser.post(f"/api/cases/{case_id}/{step}", json=given, headers=headers)


async def list_written(house: House, case_id: str) -> list[Any]:
    """Everything that a step could leave behind."""
    tables: list[type[Any]] = [FactRow, CommandRow, TicketRow]
    return [
        *[len(await house.database.read(list_rows, select(table))) for table in tables],
        (await house.database.read(load_case, case_id)).request,
        [row for row in await house.database.read(read_audit, case_id) if not row["action"].startswith("portal_pass")],
    ]


async def refuse_all(house: House, case_id: str, portal_pass: str | None) -> list[str]:
    """Every step is refused in the words for what the credential is for, noted, and nothing is written."""
    told = []
    for step in STEPS:
        with structlog.testing.capture_logs() as logged:
            answer = await take_step(house, case_id, step, portal_pass)
        assert (step, answer.status_code) == (step, 403), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        noted = [(one["event"], one["sender"]) for one in logged if one["event"] == "sender.forbidden"]
        assert noted == [("sender.forbidden", "marketplace")]
        assert case_id not in str(logged)
        told.append(answer.text)
    return told


async def test_d7_the_portals_token_alone_opens_no_registration(house: House) -> None:
    case_id = await open_case(house)
    before = await list_written(house, case_id)
    for given in (None, "", "a-pass-that-was-made-up"):
        known = await refuse_all(house, case_id, given)
        assert known == await refuse_all(house, NOBODYS, given), "whether there is such a case isn't told"
    assert "by a pass of their owner, sent in the header Portal-Pass, of the program ffm" in known[0]
    assert await list_written(house, case_id) == before


async def _another_case(house: House, case_id: str) -> str:
    del case_id
    other = "testa.other@example.com"
    return await give(house, await open_case(house, other), owner=other)


async def _another_portal(house: House, case_id: str) -> str:
    return await give(house, case_id, portal="another-portal")


async def _expired(house: House, case_id: str) -> str:
    return await give(house, case_id, ago=LASTS)


async def _void_by_the_next(house: House, case_id: str) -> str:
    first = await give(house, case_id)
    await give(house, case_id)
    return first


async def _taken_back(house: House, case_id: str) -> str:
    secret = await give(house, case_id)
    assert (await house.browser.post(f"/me/{case_id}/portal-pass/end", headers=HTML)).status_code == 303
    return secret


async def _signed_out(house: House, case_id: str) -> str:
    secret = await give(house, case_id)
    await house.browser.post("/me/sign-out", headers=HTML)
    return secret


async def _ended_elsewhere(house: House, case_id: str) -> str:
    secret = await give(house, case_id)
    await house.own_session(OWNER)
    assert (await house.browser.post("/me/sign-out-elsewhere", headers=HTML)).status_code == 303
    return secret


async def _ended_elsewhere_after_a_while(house: House, case_id: str) -> str:
    secret = await give(house, case_id)

    def leave_alone(session: Any) -> None:
        for own in list_rows(session, select(OwnSession)):
            own.seen_at -= IDLE + timedelta(minutes=1)
            session.add(own)

    await house.database.write(leave_alone)
    await house.own_session(OWNER)
    assert (await house.browser.post("/me/sign-out-elsewhere", headers=HTML)).status_code == 303
    return secret


async def _of_a_case_that_ended(house: House, case_id: str) -> str:
    secret = await give(house, case_id)

    def end(session: Any) -> None:
        case = lock_case(session, case_id)
        case.stage = Stage.WITHDRAWN
        session.add(case)

    await house.database.write(end)
    return secret


async def _anothers_case_now(house: House, case_id: str) -> str:
    secret = await give(house, case_id)

    def move(session: Any) -> None:
        case = lock_case(session, case_id)
        case.request = {**case.request, "email": "testa.other@example.com"}
        session.add(case)

    await house.database.write(move)
    return secret


async def _its_hash(house: House, case_id: str) -> str:
    return hash_token(await give(house, case_id))


Spoil = Callable[[House, str], Awaitable[str]]
SPOILT: dict[str, Spoil] = {
    "another case's": _another_case,
    "another portal's": _another_portal,
    "an expired one": _expired,
    "one before the last": _void_by_the_next,
    "one that was taken back": _taken_back,
    "one whose giver signed out": _signed_out,
    "one of a session ended from elsewhere": _ended_elsewhere,
    "one of a session ended from elsewhere when it had rested": _ended_elsewhere_after_a_while,
    "one whose case has ended": _of_a_case_that_ended,
    "one whose case is another's now": _anothers_case_now,
    "what the database has of it": _its_hash,
}


@pytest.mark.parametrize("which", SPOILT)
async def test_d7_a_pass_opens_one_registration_while_its_owner_wishes(house: House, which: str) -> None:
    case_id = await open_case(house)
    secret = await SPOILT[which](house, case_id)
    before = await list_written(house, case_id)
    assert await refuse_all(house, case_id, secret) == await refuse_all(house, NOBODYS, secret)
    assert await list_written(house, case_id) == before


async def test_d6_d7_with_a_pass_the_portal_takes_steps_and_the_audit_names_it(house: House) -> None:
    case_id = await open_case(house)
    await house.own_session(OWNER)
    page = await house.browser.get(f"/me/{case_id}", headers=HTML)
    assert "Make a pass for: The Marketplace&#39;s portal" in page.text
    shown = await house.browser.post(f"/me/{case_id}/portal-pass", data={"portal": "marketplace"}, headers=HTML)
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    (secret,) = re.findall(r'id="pass">([^<]+)<', shown.text)
    (row,) = await house.database.read(list_rows, select(PortalPass))
    assert secret not in str(row), "it is kept by its hash"

    assert (await take_step(house, case_id, "enrollments", secret)).status_code == 201
    assert (await take_step(house, case_id, "launches", secret)).status_code == 201
    assert (await take_step(house, case_id, "profile", secret)).status_code == 202
    assert (await take_step(house, case_id, "profile/next", secret)).status_code == 409, "not saved yet"
    moved = await take_step(house, case_id, "profile", secret, {"email": "testa.other@example.com"})
    assert [fault["field"] for fault in moved.json()["errors"]] == ["email"]
    agreement = await take_step(house, case_id, "agreements/individual_general/open", secret)
    assert agreement.status_code == 403, "it agrees for nobody"

    audit = await house.database.read(read_audit, case_id)
    did = [(one["actor"], one["action"], one["details"].get("portal_pass")) for one in audit]
    assert [one for one in did if one[2]] == [
        ("assister", "portal_pass.given", row.id),
        ("sender:marketplace", "training.enrolled", row.id),
        ("sender:marketplace", "training.launched", row.id),
    ]
    (saving,) = await house.database.read(list_rows, select(CommandRow))
    assert (saving.actor, saving.data["portal_pass"]) == ("sender:marketplace", row.id)
    page = await house.browser.get(f"/me/{case_id}", headers=HTML)
    assert "The Marketplace&#39;s portal may act in this registration until" in page.text


async def test_d6_a_portal_says_no_word_that_the_audit_would_give_as_staffs(house: House) -> None:
    case_id = await open_case(house)
    secret, before = await give(house, case_id), await list_written(house, case_id)
    for step, body in STEPS.items():
        answer = await take_step(house, case_id, step, secret, {**body, "method": "paper", "reason": "signed"})
        assert (step, answer.status_code) == (step, 422), answer.text
        assert [fault["field"] for fault in answer.json()["errors"]] == ["method", "reason"], step
    assert await list_written(house, case_id) == before
    with pytest.raises(ValueError, match="Staff alone"):
        StepAuthor("sender:marketplace", OnBehalf(method=WordMethod.PAPER, reason="signed"), "a-pass")


@pytest.mark.parametrize("who", ["nobody", "another", "the portal", "a portal there is not"])
async def test_d6_a_pass_is_its_owners_to_give(house: House, who: str) -> None:
    case_id = await open_case(house)
    headers, form = dict(HTML), {"portal": "marketplace"}
    if who == "another":
        await house.own_session("somebody.else@example.com")
    elif who == "the portal":
        headers |= build_credential("marketplace", b"")
    elif who == "a portal there is not":
        await house.own_session(OWNER)
        form = {"portal": "mlms"}
    for path in ("portal-pass", "portal-pass/end"):
        answer = await house.browser.post(f"/me/{case_id}/{path}", data=form, headers=headers)
        assert 'id="pass"' not in answer.text
        wanted = {"another": 404, "a portal there is not": 422 if path == "portal-pass" else 303}.get(who, 401)
        assert answer.status_code == wanted, (path, answer.status_code)
    assert await house.database.read(list_rows, select(PortalPass)) == []


async def test_d6_a_stolen_session_that_was_ended_gives_no_pass(house: House) -> None:
    case_id = await open_case(house)
    token = await house.own_session(OWNER)
    await house.browser.post("/me/sign-out", headers=HTML)
    house.browser.cookies.set(choose_own_cookie(house.services), token)
    answer = await house.browser.post(f"/me/{case_id}/portal-pass", data={"portal": "marketplace"}, headers=HTML)
    assert answer.status_code == 303
    assert await house.database.read(list_rows, select(PortalPass)) == []


async def test_d6_a_pass_lasts_no_longer_than_an_hour_or_its_session(house: House) -> None:
    case_id = await open_case(house)
    secret, now = await give(house, case_id), datetime.now(UTC)
    for later, is_open in ((LASTS - timedelta(minutes=1), True), (LASTS, False)):
        found = await house.database.read(find_portal_pass, secret, "marketplace", case_id, now + later)
        assert (found is not None) is is_open


def test_d7_no_sender_takes_a_step_without_a_pass_whichever_way_it_comes() -> None:
    with pytest.raises(ValueError, match="pass"):
        StepAuthor("sender:marketplace")
