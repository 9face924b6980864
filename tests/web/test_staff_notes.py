"""Notes for staff and flags by hand: kept once, audited, bounded, and shown to nobody outside."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows, load_snapshot
from db.desk_tables import CaseNote
from db.house_tables import StaffAccount
from db.reads.cases import read_audit
from db.reads.status import read_status
from db.tables import AuditRow
from db.writes.desk import notes
from domain.state.eligibility import Result
from starter.cases import now
from tests.support.tables import add_rows
from tests.web.house import House
from tests.web.test_pages import read
from tests.web.test_staff_decisions import Desk, desk
from web.http.permissions import StaffRole

SECRET = "Zebra-striped remark that stays inside."


def run_statement(session: Session, statement: str) -> None:
    session.execute(text(statement))


async def kept(house: House) -> list[CaseNote]:
    return await house.database.read(list_rows, select(CaseNote).order_by(col(CaseNote.at)))


async def audited(reviewer: Desk, action: str) -> list[AuditRow]:
    query = select(AuditRow).where(col(AuditRow.case_id) == reviewer.case_id, col(AuditRow.action) == action)
    return await reviewer.house.database.read(list_rows, query)


async def test_a_note_is_kept_once_with_its_author_and_shown_on_the_case(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    called = {"issuer": "https://id.example", "subject": "1", "actor": "reviewer", "name": "Rita Sample-Example"}
    await house.database.write(add_rows, StaffAccount(**called, roles=[], first_seen_at=now()))
    sent = {**await reviewer.form("note"), "note": f"{SECRET}\nSecond line."}
    for _ in range(2):
        answer = await house.post(f"{reviewer.path}/note", sent)
        assert (answer.status_code, "done=note" in answer.headers["location"]) == (303, True)
    (note,) = await kept(house)
    assert (note.case_id, note.author, note.text) == (reviewer.case_id, "reviewer", f"{SECRET}\nSecond line.")
    reader = await reviewer.page(f"?done=note&of={reviewer.case_id}")
    assert "The note is kept." in reader.text
    assert SECRET in reader.text
    assert "Note for staff written Rita Sample-Example" in reader.text
    assert "Rita Sample-Example, " in reader.text, "beside the note"
    (row,) = await audited(reviewer, "case.noted")
    assert (row.actor, row.reason, row.details) == ("reviewer", None, {})


async def test_a_note_is_shown_nowhere_outside(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    assert (await reviewer.send("note", note=SECRET)).status_code == 303
    case_id = reviewer.case_id
    documents = [
        await house.database.read(read_status, case_id, now(), True),
        await house.database.read(read_audit, case_id),
    ]
    assert SECRET not in str(documents)
    own = await house.link(case_id)
    pages = [await house.browser.get(own, headers={"Accept": "text/html"})]
    for path in ("/staff/export.csv", "/staff/export.csv?view=all", "/staff", "/staff/cases"):
        pages.append(await house.browser.get(path))
    assert [page.status_code for page in pages] == [200] * len(pages)
    assert [page.url for page in pages if SECRET in page.text] == []


@pytest.mark.parametrize(("note", "told"), [("  ", "Write the note."), ("x" * 4001, "4000"), ("a\x07b", "control")])
async def test_an_empty_or_unreadable_note_is_refused_at_its_field(house: House, note: str, told: str) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    reader = read(await reviewer.send("note", note=note), 422)
    assert told in reader.text
    assert await kept(house) == []


async def test_a_case_has_so_many_notes_and_none_is_changed_or_deleted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MOST_NOTES", 1)
    reviewer = await desk(house, npn_found=Result.PASS)
    await reviewer.send("note", note="The first one.")
    assert "1 notes at most" in read(await reviewer.send("note", note="One more."), 409).text
    for statement in ("UPDATE case_note SET text = 'x'", "DELETE FROM case_note"):
        with pytest.raises(IntegrityError):
            await house.database.write(run_statement, statement)
    assert [note.text for note in await kept(house)] == ["The first one."]


async def test_who_may_not_read_the_file_writes_no_note_and_puts_up_no_flag(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    for role in (StaffRole.OPERATOR, StaffRole.APPEALS_REVIEWER, StaffRole.AUDITOR):
        csrf = await house.sign_in(role)
        for what in ("note", "raise_flag"):  # by a flag an operator could open any file
            sent = {"csrf_token": csrf, "note": "Mine.", "reason": "Mine."}
            assert (await house.post(f"{reviewer.path}/{what}", sent)).status_code == 403
    assert await kept(house) == []
    assert await audited(reviewer, "case.flagged.by_staff") == []


async def test_a_flag_by_hand_brings_a_case_up_with_its_reason_and_is_taken_down(house: House) -> None:
    reviewer = await desk(house, npn_found=Result.PASS)
    assert "What somebody should look at" in (await reviewer.page()).text
    missing = read(await reviewer.send("raise_flag", reason=""), 422)
    assert "Give a reason." in missing.text
    assert (await reviewer.send("raise_flag", reason="Two addresses look alike.")).status_code == 303
    (row,) = await audited(reviewer, "case.flagged.by_staff")
    assert (row.actor, row.reason) == ("reviewer", "Two addresses look alike.")
    case = (await house.database.read(load_snapshot, reviewer.case_id)).case
    assert case.attention == "by_staff"
    shown = await reviewer.page(f"?done=raise_flag&of={reviewer.case_id}")
    for told in ("The flag is up.", "Flagged by staff", "Put up by:", "Two addresses look alike."):
        assert told in shown.text
    assert shown.text.index("Two addresses look alike.") < shown.text.index("Notes for staff"), "beside the flag"
    assert not [one for one in shown.of("form") if (one["action"] or "").endswith("/raise_flag")]
    again = {"csrf_token": reviewer.csrf, "reason": "Once more."}
    assert "This flag is up already." in read(await house.post(f"{reviewer.path}/raise_flag", again), 409).text
    assert (await reviewer.send("flag", flag="by_staff", reason="They are two people.")).status_code == 303
    assert (await house.database.read(load_snapshot, reviewer.case_id)).case.attention == "decision"
