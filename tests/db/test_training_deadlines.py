"""Training deadlines over a real database: what is due is recorded once, audited, and told (E14)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest_asyncio

from db.case_state import load_snapshot
from db.reads.cases import read_case_list
from db.reads.queue import Filters
from db.reads.recovery.progress import read_progress
from db.tables import AuditRow, FactRow
from db.writes.letters import intend_letter
from db.writes.opening import Opened
from db.writes.training_deadlines import follow_deadline
from domain.programs.progress import compare_progress
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import DeadlineStanding, Letter, Progress
from domain.shared.cases.notices import Notice
from domain.state.policies import POLICIES
from domain.state.policy import TrainingDeadline
from tests.support.office import Office, office_over
from tests.support.tables import give_rules

RULES = POLICIES["bewellnm", 2024].model_copy(update={"training_deadline": TrainingDeadline(days=20)})


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def invited(office: Office) -> Opened:
    """A case whose training was open on the 4th of November, and is to be complete by the 24th."""
    opened = await office.waiting()
    await office.database.write(give_rules, opened.case_id, RULES)
    await office.decided(opened)
    await office.fact(opened, FactKind.LMS_INVITED)
    for kind in (FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED):
        await office.fact(opened, kind)
    return opened


async def follow(office: Office, opened: Opened, at: datetime | None = None) -> DeadlineStanding:
    return await office.database.write(follow_deadline, opened.case_id, at or office.later())


async def lapse(office: Office, opened: Opened) -> DeadlineStanding:
    return await follow(office, opened, office.later(days=21))


async def test_e14_a_lapse_is_recorded_once_however_often_and_by_whom_it_is_asked(office: Office) -> None:
    opened = await invited(office)
    standing = await follow(office, opened)
    assert (standing.lapsed, standing.ended, standing.letters) == (False, False, standing.letters[:1])
    assert standing.due_at is not None
    at = office.later(days=21)
    both = await asyncio.gather(*(follow(office, opened, at) for _ in range(2)))
    assert [one.lapsed for one in both] == [True, True]
    (fact,) = await office.all(FactRow, kind="training_lapsed")
    assert fact.data == {"number": 1, "last_day": "2024-11-24", "reactivate_until": "2026-11-24"}
    (audited,) = await office.all(AuditRow, action="training.lapsed")
    assert (audited.actor, audited.reason_code) == ("system", "training_lapsed")
    found = await office.status(opened)
    assert (found["stage"], found["waiting_for"], found["flag"]) == ("lapsed", "course_completion", None)
    assert found["training"]["deadline"] == {
        "last_day": "2024-11-24",
        "reactivate_until": "2026-11-24",
        "lapsed_at": found["training"]["deadline"]["lapsed_at"],
        "reactivated_at": None,
    }
    listed = await office.database.read(read_case_list, Filters(stage="lapsed"))
    assert [one["case_id"] for one in listed] == [opened.case_id]


async def test_e14_the_report_that_completes_the_training_reactivates_in_its_own_transaction(office: Office) -> None:
    opened = await invited(office)
    await lapse(office, opened)
    exam = {"result": {"score": {"scaled": 0.9}}}
    await office.lms(office.statement(opened, "passed", "exam", **exam))
    assert (await office.status(opened))["stage"] == "lapsed", "the course is not complete"
    await office.lms(office.statement(opened, "completed", "course"))
    found = await office.status(opened)
    assert (found["stage"], found["waiting_for"]) == ("awaiting_exam_pass", "certificate")
    assert found["training"]["deadline"]["reactivated_at"]
    (fact,) = await office.all(FactRow, kind="training_reactivated")
    assert fact.data == {"number": 1, "why": "completed"}
    assert len(await office.all(AuditRow, action="training.reactivated")) == 1
    standing = await follow(office, opened)
    assert (standing.lapsed, standing.due_at) == (False, None)
    assert [one.notice for one in standing.letters] == ["training_lapsed", "training_reactivated"]


async def test_e14_after_the_years_the_case_is_closed_and_says_why(office: Office) -> None:
    opened = await invited(office)
    await lapse(office, opened)
    standing = await follow(office, opened, office.later(days=740))
    assert (standing.ended, standing.lapsed, standing.letters, standing.due_at) == (True, False, [], None)
    assert (await follow(office, opened)).ended, "whoever asks again is told so"
    (audited,) = await office.all(AuditRow, action="case.closed")
    assert audited.reason_code == "reactivation_over"
    received = await office.lms(office.statement(opened, "completed", "course"))
    assert received.to_deliver == []
    assert await office.all(FactRow, kind="course_completed") == []


async def test_e14_a_letter_whose_day_is_not_the_next_one_any_more_is_not_sent(office: Office) -> None:
    opened = await invited(office)

    async def is_sent(notice: Notice, about: str) -> bool:
        letter = Letter(case_id=opened.case_id, at=office.now, notice=notice, about=about)
        return await office.database.write(intend_letter, letter, {}, office.now) is not None

    assert await is_sent(Notice.TRAINING_DUE, "2024-11-24:7")
    assert not await is_sent(Notice.TRAINING_LAPSED, "1")
    await lapse(office, opened)
    assert not await is_sent(Notice.TRAINING_DUE, "2024-11-24:1")
    assert await is_sent(Notice.TRAINING_LAPSED, "1")
    assert not await is_sent(Notice.TRAINING_REACTIVATED, "1")
    assert (await office.command(opened, CommandKind.RESEND, notice="training_lapsed")).applied


async def test_e14_a_workflow_that_knows_of_a_lapse_of_which_nothing_is_recorded_is_ahead(office: Office) -> None:
    opened = await invited(office)
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    rebuilt = await office.database.read(read_progress, snapshot, snapshot.facts)
    heard = Progress(facts=set(rebuilt.facts), verdict="approve", lapsed=True)
    assert compare_progress(heard, rebuilt, None).ahead == {FactKind.TRAINING_LAPSED}
    await lapse(office, opened)
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    rebuilt = await office.database.read(read_progress, snapshot, snapshot.facts)
    heard = Progress(facts=set(rebuilt.facts), verdict="approve", lapsed=True)
    assert not compare_progress(heard, rebuilt, None).ahead


async def test_e14_a_withdrawal_ends_a_case_that_has_lapsed(office: Office) -> None:
    opened = await invited(office)
    await lapse(office, opened)
    assert (await office.command(opened, CommandKind.WITHDRAW)).applied
    standing = await follow(office, opened, office.now + timedelta(days=900))
    assert (standing.lapsed, standing.ended, standing.due_at) == (False, False, None)
    assert (await office.status(opened))["stage"] == "withdrawn"
