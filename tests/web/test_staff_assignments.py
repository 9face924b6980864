"""Cases on somebody's desk: taken by opening, seen by others, who may act, left by hand or after a while."""

from datetime import UTC, datetime, timedelta

from sqlmodel import select

from db.case_state import list_rows
from db.desk_tables import CaseAssignment
from domain.state.eligibility import Result
from tests.support.tables import change_row
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_decisions import Desk, desk
from web.http.permissions import StaffRole

OTHERS = (StaffRole.REVIEWER, StaffRole.AUDITOR)  # somebody else who decides


async def test_who_opens_a_case_has_it_and_others_see_that_and_decide_all_the_same(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    await house.sign_in(StaffRole.AUDITOR)
    assert "on their desk" not in (await reviewer.page()).text  # who doesn't decide takes nothing
    await house.sign_in()
    assert "You have this case on your desk." in (await reviewer.page()).text
    second = Desk(house, reviewer.case_id, await house.sign_in(*OTHERS))
    assert "reviewer has this case on their desk." in (await second.page()).text
    assert (await second.send("decision", verdict="approve", reason="All is well.")).status_code == 303
    (command,) = await second.commands()
    assert command.actor == "reviewer-auditor"
    await house.apply_commands()
    assert "on their desk" not in (await second.page()).text
    assert await house.database.read(list_rows, select(CaseAssignment)) == [], "nor would a flag show it in the queue"


async def test_a_case_is_left_or_taken_over_by_hand_which_is_audited(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    await reviewer.page()
    answer = await reviewer.send("release")
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff")
    await reviewer.page()
    second = Desk(house, reviewer.case_id, await house.sign_in(*OTHERS))
    answer = await second.send("release")
    assert answer.headers["location"] == second.path
    assert "You have this case on your desk." in (await second.page()).text
    assert (await second.actions()).count("case.released") == 2
    csrf = await house.sign_in(StaffRole.OPERATOR)
    assert (await house.post(f"{second.path}/release", {"csrf_token": csrf})).status_code == 403


async def test_after_the_policy_s_minutes_the_next_who_opens_it_has_it(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    await reviewer.page()
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    await house.database.write(change_row, CaseAssignment, reviewer.case_id, until=long_ago)
    await house.sign_in(*OTHERS)
    assert "You have this case on your desk." in read(await house.browser.get(reviewer.path)).text
