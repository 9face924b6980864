"""Approval in bulk: what is offered, confirmed and approved, and what can't be got into it, whatever is sent."""

import re
from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from db.case_state import list_rows
from db.tables import CommandRow
from db.writes.cases import flag_case
from db.writes.desk.assignments import hand_over_case
from db.writes.desk.notes import add_note
from domain.shared.cases.facts import FactKind
from domain.state.eligibility import LICENSING, Check, Result, make_finding
from tests.support import documents
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole

BULK, APPROVE = "/staff/bulk", "/staff/bulk/approve"


async def screened(house: House, result: Result = Result.PASS, answers: int = 0, **changes: str) -> str:
    """A broker who waits for a decision, with one check that came to this."""
    case_id = await house.open({**documents.broker(), **changes})
    await house.prove(case_id)
    if answers:
        asked = {"verdict": "ask", "by": "staff", "reason": "Which?", "override": None, "round": 0}
        await house.facts(case_id, FactKind.SCREENED, round=0, findings=[])
        await house.facts(case_id, FactKind.DECIDED, **asked)
        await house.facts(case_id, FactKind.ANSWERED, round=1)
    found = [make_finding(one, result if one is Check.LICENSE_ACTIVE else Result.PASS) for one in LICENSING]
    listed = [one.model_dump(mode="json") for one in found]
    await house.facts(case_id, FactKind.SCREENED, round=answers, findings=listed)
    return case_id


async def unclean(house: House) -> list[str]:
    """A case for each of what keeps one out."""
    flagged = await screened(house)
    await house.database.write(flag_case, flagged, "mail_refused", datetime.now(UTC))
    others = [Result.FAIL, Result.CONSIDER, Result.UNKNOWN]
    return [flagged, *[await screened(house, result) for result in others], await screened(house, answers=1)]


def boxes(source: str) -> set[str]:
    return set(re.findall(r'name="case\.([0-9a-f-]{36})"', source))


def form(csrf: str, *case_ids: str, **values: str) -> dict[str, str]:
    return {"csrf_token": csrf, **values, **{f"case.{case_id}": "true" for case_id in case_ids}}


async def decisions(house: House) -> dict[str, CommandRow]:
    rows = await house.database.read(list_rows, select(CommandRow).where(col(CommandRow.kind) == "decide"))
    return {row.case_id: row for row in rows}


async def test_a_list_is_confirmed_and_each_case_approved_by_its_own_command(house: House) -> None:
    csrf = await house.sign_in()
    clean = {await screened(house), await screened(house)}
    await unclean(house)
    page = await house.browser.get(f"{BULK}?all=1")
    assert boxes(page.text) == clean
    confirmed = await house.post(BULK, form(csrf, *clean))
    assert boxes(confirmed.text) == clean
    (batch,) = re.findall(r'name="batch" value="([0-9a-f]{32})"', confirmed.text)
    sent = form(csrf, *clean, batch=batch, reason="Everything was checked.")
    for _ in range(2):  # sent twice it is done once
        reader = read(await house.post(APPROVE, sent))
        assert reader.text.count("Its workflow has not answered yet") == 2
    found = await decisions(house)
    assert set(found) == clean
    assert {row.actor for row in found.values()} == {"reviewer"}
    assert [row.data for row in found.values()] == [{"verdict": "approve", "override": None, "in_bulk": True}] * 2
    await house.apply_commands()
    reader = read(await house.post(APPROVE, sent))
    assert "Approved: 2." in reader.text
    assert [one.page for one in await house.list_accesses()].count("bulk") >= 4
    told = read(await house.browser.get(f"/staff/cases/{next(iter(clean))}")).text
    assert "In bulk, with other cases" in told


async def test_what_has_not_passed_can_not_be_got_into_it_by_any_form(house: House) -> None:
    csrf = await house.sign_in()
    clean, others = await screened(house), await unclean(house)
    confirmed = await house.post(BULK, form(csrf, clean, *others))
    assert boxes(confirmed.text) == {clean}
    assert f"any more: {len(others)}" in read(confirmed).text
    forged = form(csrf, clean, *others, batch="0" * 32, reason="All of them.", override="All of them.")
    reader = read(await house.post(APPROVE, forged))
    assert reader.text.count("Not approved ") == len(others)
    assert reader.text.count("decide this one on its own page") == 2  # the flag, and the answer
    assert f"Not approved: {len(others)}" in reader.text
    assert set(await decisions(house)) == {clean}


async def test_what_changes_after_the_list_was_confirmed_is_judged_when_it_is_applied(house: House) -> None:
    csrf = await house.sign_in()
    flagged, failed = await screened(house), await screened(house)
    await house.post(APPROVE, form(csrf, flagged, failed, batch="1" * 32, reason="Fine."))
    assert set(await decisions(house)) == {flagged, failed}
    await house.database.write(flag_case, flagged, "identity_conflict", datetime.now(UTC))
    found = [make_finding(one, one is not Check.LICENSE_ACTIVE).model_dump(mode="json") for one in LICENSING]
    await house.facts(failed, FactKind.SCREENED, round=0, findings=found)
    await house.apply_commands()
    assert {row.state for row in (await decisions(house)).values()} == {"refused"}


async def test_a_case_with_a_note_or_on_a_colleague_s_desk_is_not_approved_unopened(house: House) -> None:
    csrf = await house.sign_in()
    clean, noted, theirs = [await screened(house) for _ in range(3)]
    at = datetime.now(UTC)
    await house.database.write(add_note, "one", noted, "Wait for the lawyers.", "staff:ana", at)
    await house.database.write(hand_over_case, theirs, "staff:ana", "reviewer", at, timedelta(days=1))
    await house.database.write(hand_over_case, clean, "reviewer", "staff:ana", at, timedelta(days=1))
    assert boxes((await house.browser.get(f"{BULK}?all=1")).text) == {clean}
    everything = (clean, noted, theirs)
    assert boxes((await house.post(BULK, form(csrf, *everything))).text) == {clean}
    reader = read(await house.post(APPROVE, form(csrf, *everything, batch="4" * 32, reason="All of them.")))
    assert reader.text.count("decide this one on its own page") == 2
    assert set(await decisions(house)) == {clean}


async def test_nothing_chosen_and_no_reason_are_said_at_their_fields(house: House) -> None:
    csrf = await house.sign_in()
    clean = await screened(house)
    assert "Choose at least one case." in read(await house.post(BULK, form(csrf)), 422).text
    reader = read(await house.post(APPROVE, form(csrf, clean, batch="2" * 32, reason=" ")), 422)
    assert "Give a reason." in reader.text
    assert await decisions(house) == {}


async def test_whoever_may_not_decide_neither_sees_the_list_nor_approves(house: House) -> None:
    clean = await screened(house)
    for role in (StaffRole.OPERATOR, StaffRole.AUDITOR, StaffRole.APPEALS_REVIEWER):
        csrf = await house.sign_in(role)
        assert (await house.browser.get(BULK)).status_code == 403
        sent = await house.post(APPROVE, form(csrf, clean, batch="3" * 32, reason="Fine."))
        assert sent.status_code == 403
        assert "/staff/bulk" not in (await house.browser.get("/staff")).text
    csrf = await house.sign_in()
    assert (await house.post(APPROVE, form("forged", clean, batch="3" * 32, reason="Fine."))).status_code == 403
    assert await decisions(house) == {}
