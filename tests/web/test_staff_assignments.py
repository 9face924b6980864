"""Cases on somebody's desk: taken by opening, seen by others, who may act, left by hand or after a while."""

from datetime import UTC, datetime, timedelta

from sqlmodel import select

from db.case_state import list_rows
from db.desk_tables import CaseAssignment
from db.reads.cases import read_audit
from db.reads.desk.assignments import find_desk
from db.writes.house.staff_accounts import recognize_staff
from domain.state.eligibility import Result
from tests.support.tables import change_row
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_decisions import Desk, desk
from web.http.permissions import StaffRole

ISSUER, SINCE = "https://id.example.org", datetime(2024, 3, 5, tzinfo=UTC)
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


async def test_a_case_is_put_on_the_desk_of_a_colleague_who_decides(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    for name, role in (("olmo", StaffRole.REVIEWER), ("pino", StaffRole.OPERATOR)):
        await house.database.write(recognize_staff, ISSUER, name, name, [role], SINCE, called=name.title())
    page = await reviewer.page()
    offered = [one["value"] or "" for one in page.of("option")]
    assert [one for one in offered if one.startswith("staff:")] == ["staff:olmo"]
    path, sent = f"{reviewer.path}/assign", await reviewer.form("assign")
    for nobody in ("", "staff:pino", "staff:nobody", "reviewer"):
        refused = read(await house.post(path, {**sent, "colleague": nobody}, accept="text/html"), 422)
        assert "Choose a colleague who decides on cases." in refused.text
    answer = await reviewer.send("assign", colleague="staff:olmo")
    assert answer.status_code == 303
    shown = read(await house.browser.get(answer.headers["location"])).text
    assert "The case is on your colleague's desk." in shown
    assert "Olmo has this case on their desk." in shown
    assert "Whose desk: Olmo" in shown
    (row,) = await house.database.read(list_rows, select(CaseAssignment))
    assert (row.actor, row.until) == ("staff:olmo", row.since + timedelta(days=1))
    entries = await house.database.read(read_audit, reviewer.case_id)
    assert [one["details"] for one in entries if one["action"] == "case.assigned"] == [{"to": "staff:olmo"}]
    assert await listed(house, desk="staff:olmo") == [(reviewer.case_id, "staff:olmo", "Olmo")]
    assert await listed(house, desk="nobody") == await listed(house, desk="mine") == []
    for called in ("Olmo", "olmo", "staff:olmo"):
        assert await house.database.read(find_desk, called) == "staff:olmo", "as certify list --desk takes it"
    assert await house.database.read(find_desk, "somebody else") is None
    await reviewer.send("decision", verdict="approve", reason="All is well.")
    await house.apply_commands()
    late = read(await house.post(path, {**sent, "colleague": "staff:olmo"}, accept="text/html"), 409)
    assert "on their desk" not in late.text
    assert await house.database.read(list_rows, select(CaseAssignment)) == []


async def listed(house: House, **query: str) -> list[tuple[str, str | None, str | None]]:
    """What the API lists of the cases: which they are, and on whose desk."""
    answer = await house.browser.get("/api/cases", params=query)
    assert answer.status_code == 200
    return [(one["case_id"], one["desk"], one["desk_name"]) for one in answer.json()]


async def test_the_api_lists_what_is_on_one_s_own_desk_and_on_nobody_s(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    free = [(reviewer.case_id, None, None)]
    assert await listed(house, desk="nobody") == await listed(house) == free
    await reviewer.page()
    assert await listed(house, desk="nobody") == []
    mine = [(reviewer.case_id, "reviewer", "reviewer")]
    assert await listed(house, desk="mine") == await listed(house, desk="reviewer", stage="awaiting_decision") == mine
    assert await listed(house, desk="mine", stage="active") == []


async def test_after_the_policy_s_minutes_the_next_who_opens_it_has_it(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    await reviewer.page()
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    await house.database.write(change_row, CaseAssignment, reviewer.case_id, until=long_ago)
    await house.sign_in(*OTHERS)
    assert "You have this case on your desk." in read(await house.browser.get(reviewer.path)).text
