"""The certification workflow's corners: early messages, renewal, endings in every wait, commands that come again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows, load_snapshot
from db.reads.cases import read_certificate
from db.reads.reminders import list_due_reminders
from db.tables import CommandRow, EffectRow, FactRow
from db.writes.appeals.deciding import DecisionOnAppeal
from db.writes.appeals.filing import Filing
from db.writes.opening import Opened
from domain.shared.cases.appeals import AppealOutcome, FilingMethod
from domain.shared.cases.authors import ProofMethod
from domain.shared.cases.commands import CommandKind, CorrectName
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import Begin, Command
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Refusal
from domain.shared.ids import make_appeal_workflow_id
from domain.shared.policy import Windows
from domain.state.policies import POLICIES
from starter.appeals import Appeals
from starter.cases import now
from tests.support import documents, inside as support
from tests.support.commands import store_command
from tests.support.evidence import pdf
from tests.support.inside import Inside, report
from tests.support.patience import PATIENCE
from workflows import messages as names
from workflows.search_attributes import STAGE

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROWN = 120


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    """A server that suggests continue-as-new soon."""
    async with support.running(tmp_path_factory.mktemp("inside"), suggest_renewal_at=GROWN) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_before(inside: Inside) -> AsyncIterator[None]:
    """Every third party works again after each test."""
    yield
    for stand_in in ("registry", "background_checks", "lms", "portal", "mailbox"):
        await inside.control(stand_in, mode="ok")


async def grown(inside: Inside, opened: Opened, runs: int = 2) -> None:
    """Failed attempts until the workflow has continued as new."""
    for _ in range(20):
        await inside.learned(opened, [0.1] * 10)
        if len(await inside.runs(opened)) >= runs:
            return
    raise AssertionError(await inside.runs(opened))


async def decided(inside: Inside, opened: Opened) -> list[FactRow]:
    facts = await inside.database.read(list_rows, select(FactRow).where(col(FactRow.case_id) == opened.case_id))
    return [fact for fact in facts if fact.kind == FactKind.DECIDED]


async def intended(inside: Inside, opened: Opened, kind: str) -> list[EffectRow]:
    found = await inside.database.read(list_rows, select(EffectRow).where(col(EffectRow.case_id) == opened.case_id))
    return [row for row in found if row.kind == kind]


async def command_state(inside: Inside, command_id: str) -> str | None:
    row = await inside.database.read(Session.get, CommandRow, command_id)
    return row.state if row else None


async def test_c3_messages_that_come_before_the_first_task_are_counted(inside: Inside) -> None:
    """Handlers run before run(): with the start, a course and an exam are reported already."""
    opened = await inside.store(documents.broker())
    case = (await inside.database.read(load_snapshot, opened.case_id)).case
    handle = await inside.client.start_workflow(
        names.WORKFLOW,
        Begin(case_id=opened.case_id, program=case.program, plan_year=case.plan_year),
        id=opened.workflow_id,
        task_queue=inside.settings.task_queue,
        start_signal=names.LMS_REPORTED,
        start_signal_args=[report(opened, FactKind.EXAM_ATTEMPTED, passed=True)],
    )
    await handle.signal(names.LMS_REPORTED, report(opened, FactKind.COURSE_COMPLETED))
    await inside.approved(opened)
    await inside.until(opened, "invited")
    progress = await inside.progress(opened)
    assert progress.passed
    assert {FactKind.COURSE_COMPLETED, FactKind.EXAM_ATTEMPTED} <= progress.facts


async def test_c1_a_second_start_of_the_same_case_leaves_the_first_alone(inside: Inside) -> None:
    opened = await inside.open(documents.broker())
    await inside.agreed(opened, "awaiting_decision", "decision")
    case = (await inside.database.read(load_snapshot, opened.case_id)).case
    other = await inside.client.execute_workflow(
        names.WORKFLOW,
        Begin(case_id=opened.case_id, program=case.program, plan_year=case.plan_year),
        id=f"{opened.workflow_id}/again",
        task_queue=inside.settings.task_queue,
        result_type=str,
    )
    assert other == "claimed elsewhere"
    await inside.approved(opened)
    assert (await inside.notices(opened)).count("request_received") == 1


async def test_a_message_for_another_case_is_not_applied(inside: Inside) -> None:
    opened, other = [await inside.in_training(documents.broker()) for _ in range(2)]
    await inside.handle(opened).signal(names.LMS_REPORTED, report(other, FactKind.COURSE_COMPLETED))
    await inside.reported(opened, 0.3)
    progress = await inside.progress(opened)
    assert FactKind.COURSE_COMPLETED not in progress.facts
    assert FactKind.EXAM_ATTEMPTED in progress.facts


async def test_a_history_is_renewed_only_when_no_step_is_under_way(inside: Inside) -> None:
    """With the mail server down a letter is under way: the workflow stays, then renews itself, and sends one letter."""
    request = documents.broker()
    opened = await inside.in_training(request)
    await inside.reported(opened, "course")
    await inside.control("mailbox", mode="down")
    await inside.cases.resend_notice(opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff")
    attempts = 0
    while len((await inside.handle(opened).fetch_history()).events) <= GROWN:
        await inside.learned(opened, [0.1] * 10)
        attempts += 10
    assert len(await inside.runs(opened)) == 1
    await inside.control("mailbox", mode="ok")
    await inside.wait_for_runs(opened, 2)
    assert (await inside.notices(opened)).count("request_received") == 2
    status = await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    assert len(status["exam"]["attempts"]) == attempts


async def test_a_renewed_workflow_knows_since_when_it_waits(inside: Inside) -> None:
    opened = await inside.in_training(documents.broker())
    await inside.noticed(opened, "lms_invitation")
    await inside.learned(opened, [0.1])
    before = await inside.progress(opened)
    await grown(inside, opened)
    await inside.agreed(opened, "in_training", "course_completion")
    after = await inside.progress(opened)
    assert (after.stage, after.waiting_for, after.waiting_since) == (
        before.stage,
        before.waiting_for,
        before.waiting_since,
    )
    assert after.done == before.done
    described = await inside.handle(opened).describe()
    assert described.typed_search_attributes[STAGE] == "in_training"


async def test_updates_and_signals_sent_while_it_renews_itself_are_all_there_once(inside: Inside) -> None:
    request = documents.broker()
    opened = await inside.in_training(request)
    await inside.reported(opened, "course")
    resent = [f"resend-{uuid4()}" for _ in range(6)]

    async def resend() -> None:
        for command_id in resent:
            answer = await inside.cases.resend_notice(
                opened.case_id, Notice.REQUEST_RECEIVED, "lost", "staff", command_id
            )
            assert answer.state == "applied"

    async def attempts() -> None:
        for _ in range(12):
            await inside.learned(opened, [0.1] * 10)

    await asyncio.gather(resend(), attempts())
    async with asyncio.timeout(PATIENCE):
        while (await inside.notices(opened)).count("request_received") < 7:
            await asyncio.sleep(0.1)
    await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    await inside.wait_for_runs(opened, 2)
    assert len((await inside.status(opened))["exam"]["attempts"]) == 120
    letters = [one for one in await inside.letters(request) if "We have your" in one["subject"]]
    assert len({one["headers"]["Message-ID"] for one in letters}) == len(letters) == 7
    assert not (await inside.progress(opened)).errands


async def test_an_unknown_licence_is_looked_up_again_after_a_renewal(inside: Inside) -> None:
    await inside.control("registry", mode="down")
    opened = await inside.open(documents.broker(), license_unknown_after_seconds=1)
    await inside.agreed(opened, "awaiting_decision", "decision")
    await grown(inside, opened)
    await inside.agreed(opened, "awaiting_decision", "decision")
    assert (await inside.progress(opened)).unknown_license
    assert await inside.wait_for_retry(opened) >= timedelta(seconds=15)
    await inside.control("registry", mode="ok")
    await inside.retry_at_once(opened)
    await inside.until(opened, lambda status: {one["result"] for one in status["eligibility"]["findings"]} == {"pass"})


Way = Callable[[Inside], Awaitable[Opened]]


async def _screening(inside: Inside) -> Opened:
    await inside.control("registry", mode="down")
    opened = await inside.open(documents.broker())
    await inside.agreed(opened, "screening", "screening")
    return opened


async def _background(inside: Inside) -> Opened:
    opened = await inside.open(documents.counselor())
    await inside.agreed(opened, "awaiting_background_check", "background_check")
    return opened


async def _ordering(inside: Inside) -> Opened:
    await inside.control("background_checks", mode="down")
    return await _background(inside)


async def _decision(inside: Inside) -> Opened:
    opened = await inside.open(documents.broker())
    await inside.agreed(opened, "awaiting_decision", "decision")
    return opened


async def _unknown(inside: Inside) -> Opened:
    await inside.control("registry", mode="down")
    opened = await inside.open(documents.broker(), license_unknown_after_seconds=1)
    await inside.agreed(opened, "awaiting_decision", "decision")
    return opened


async def _information(inside: Inside) -> Opened:
    opened = await _decision(inside)
    await inside.decide(opened, "ask", reason="Which insurers?")
    await inside.agreed(opened, "awaiting_information", "information")
    return opened


async def _invitation(inside: Inside) -> Opened:
    opened = await _decision(inside)
    await inside.control("lms", mode="down")
    await inside.decide(opened)
    await inside.agreed(opened, "invited", "lms_invitation")
    return opened


async def _training(inside: Inside) -> Opened:
    return await inside.in_training(documents.broker())


async def _exam(inside: Inside) -> Opened:
    opened = await _training(inside)
    await inside.reported(opened, "course")
    await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    return opened


async def _letters_under_way(inside: Inside) -> Opened:
    await inside.control("mailbox", mode="down")
    return await _decision(inside)


async def _registration(inside: Inside) -> Opened:
    opened = await _exam(inside)
    await inside.reported(opened, 0.8)
    await inside.agreed(opened, "certified", "portal_registration")
    return opened


async def _account(inside: Inside) -> Opened:
    await inside.control("portal", mode="down")
    opened = await inside.open(documents.counselor())
    await inside.checked(opened)
    await inside.approved(opened)
    await inside.reported(opened, "account", "profile", "course", 0.8)
    await inside.agreed(opened, "certified", "portal_account")
    return opened


async def _active(inside: Inside) -> Opened:
    opened = await _registration(inside)
    await inside.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    await inside.agreed(opened, "active", "next_plan_year")
    return opened


WAYS = [
    _screening,
    _background,
    _ordering,
    _decision,
    _unknown,
    _information,
    _invitation,
    _training,
    _exam,
    _letters_under_way,
    _registration,
    _account,
    _active,
]


@pytest.mark.parametrize("reach", WAYS, ids=lambda way: way.__name__.strip("_"))
async def test_c8_a_withdrawal_is_not_kept_waiting_by_anything(inside: Inside, reach: Way) -> None:
    """In every wait, beside every effect that fails: the case ends at once, and its effects stop."""
    opened = await reach(inside)
    answer = await inside.cases.withdraw_request(opened.case_id, "another job", "staff")
    assert answer.state == "applied"
    status = await inside.status(opened)
    assert (status["stage"], status["may_assist"]) == ("withdrawn", False)
    for stand_in in ("registry", "background_checks", "lms", "portal", "mailbox"):
        await inside.control(stand_in, mode="ok")
    assert await asyncio.wait_for(inside.handle(opened).result(), PATIENCE) == "withdrawn"
    of_case = col(FactRow.case_id) == opened.case_id, col(EffectRow.case_id) == opened.case_id
    facts = await inside.database.read(list_rows, select(FactRow).where(of_case[0]))
    (end,) = [fact.recorded_at for fact in facts if fact.kind == FactKind.WITHDRAWN]
    assert [fact.kind for fact in facts if fact.recorded_at > end] == []
    # A letter that was under way then has gone out; none was begun but the one that says so.
    effects = await inside.database.read(list_rows, select(EffectRow).where(of_case[1]))
    late = [effect.kind for effect in effects if effect.intended_at > end and effect.result]
    assert [kind for kind in late if kind.startswith("notice.")] == ["notice.withdrawn"]


async def test_c8_a_withdrawal_nobody_stored_ends_nothing(inside: Inside) -> None:
    """A signal sent by hand names no stored command: workflow and database would part."""
    opened = await inside.in_training(documents.broker())
    stray = Command(case_id=opened.case_id, command_id=f"by-hand-{uuid4()}", kind=CommandKind.WITHDRAW)
    await inside.handle(opened).signal(names.WITHDRAWN, stray)
    await inside.reported(opened, "course")
    await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    assert (await inside.cases.withdraw_request(opened.case_id, "another job", "staff")).state == "applied"
    assert await inside.handle(opened).result() == "withdrawn"


async def test_c8_a_stored_withdrawal_may_come_as_a_signal(inside: Inside) -> None:
    opened = await inside.in_training(documents.broker())
    command_id = f"signalled-{uuid4()}"
    await inside.database.write(
        store_command, command_id, opened.case_id, CommandKind.WITHDRAW, "staff", "by mail", {}, inside.now(opened)
    )
    command = Command(case_id=opened.case_id, command_id=command_id, kind=CommandKind.WITHDRAW)
    await inside.handle(opened).signal(names.WITHDRAWN, command)
    assert await inside.handle(opened).result() == "withdrawn"
    assert (await inside.status(opened))["stage"] == "withdrawn"
    assert await command_state(inside, command_id) == "applied"


async def test_c8_a_stored_revocation_may_come_as_a_signal(inside: Inside) -> None:
    opened = await inside.in_training(documents.broker())
    command = await _store(inside, opened, CommandKind.REVOKE)
    await inside.handle(opened).signal(names.REVOKED, command)
    assert await inside.handle(opened).result() == "revoked"
    assert await command_state(inside, command.command_id) == "applied"


async def test_a12_a_stored_decision_may_come_as_a_signal_and_one_nobody_stored_decides_nothing(inside: Inside) -> None:
    opened = await _decision(inside)
    stray = Command(case_id=opened.case_id, command_id=f"by-hand-{uuid4()}", kind=CommandKind.DECIDE, verdict="deny")
    await inside.handle(opened).signal(names.DECIDED, stray)
    command = await _store(inside, opened, CommandKind.DECIDE, verdict="approve", override=None)
    await inside.handle(opened).signal(names.DECIDED, command)
    await inside.agreed(opened, "invited", "lms_account")
    assert [fact.data["verdict"] for fact in await decided(inside, opened)] == ["approve"]
    assert await command_state(inside, command.command_id) == "applied"


async def test_a12_a_stored_decision_the_case_does_not_allow_is_refused_by_signal_too(inside: Inside) -> None:
    opened = await _unknown(inside)
    command = await _store(inside, opened, CommandKind.DECIDE, verdict="approve", override=None)
    await inside.handle(opened).signal(names.DECIDED, command)
    async with asyncio.timeout(PATIENCE):
        while await command_state(inside, command.command_id) != "refused":
            await asyncio.sleep(0.03)
    await inside.agreed(opened, "awaiting_decision", "decision")
    assert await decided(inside, opened) == []


async def _store(inside: Inside, opened: Opened, kind: CommandKind, **data: Any) -> Command:
    """A command kept by another system, as the signal names it."""
    command_id = f"signalled-{uuid4()}"
    await inside.database.write(
        store_command, command_id, opened.case_id, kind, "staff", "by mail", data, inside.now(opened)
    )
    return Command(case_id=opened.case_id, command_id=command_id, kind=kind, verdict=str(data.get("verdict", "")))


async def test_a12_a_late_decision_by_signal_changes_nothing_and_doesn_t_keep_the_history_growing(
    inside: Inside,
) -> None:
    opened = await inside.in_training(documents.broker())
    late = Command(case_id=opened.case_id, command_id=f"late-{uuid4()}", kind=CommandKind.DECIDE, verdict="deny")
    await inside.handle(opened).signal(names.DECIDED, late)
    await grown(inside, opened)
    await inside.agreed(opened, "in_training", "course_completion")
    assert [fact.data["verdict"] for fact in await decided(inside, opened)] == ["approve"]


async def test_a12_a_denial_is_applied_while_a_third_party_holds_the_journey_up(inside: Inside) -> None:
    opened = await _ordering(inside)
    assert await inside.decide(opened, "deny") == "applied"
    assert (await inside.status(opened))["stage"] == "denied"
    await inside.control("background_checks", mode="ok")
    assert await asyncio.wait_for(inside.handle(opened).result(), PATIENCE) == "denied"


async def test_a12_a_decision_that_comes_as_a_signal_and_as_an_update_is_applied_once(inside: Inside) -> None:
    opened = await _decision(inside)
    command_id, data = f"both-{uuid4()}", {"verdict": "approve", "override": None}
    await inside.database.write(
        store_command, command_id, opened.case_id, CommandKind.DECIDE, "staff", "all well", data, inside.now(opened)
    )
    command = Command(
        case_id=opened.case_id,
        command_id=command_id,
        kind=CommandKind.DECIDE,
        verdict="approve",
        answer_when_applied=True,
    )
    handle = inside.handle(opened)
    _, answer = await asyncio.gather(
        handle.signal(names.DECIDED, command),
        handle.execute_update(names.DECIDE, command, id=command_id, result_type=str),
    )
    assert answer == "applied"
    assert len(await decided(inside, opened)) == 1


async def test_a12_two_decisions_at_once_are_one_decision(inside: Inside) -> None:
    opened = await _decision(inside)
    commands = {str(uuid4()): verdict for verdict in ("approve", "deny", "approve")}  # a denial may follow a question
    answers = await asyncio.gather(
        *(inside.decide(opened, verdict, command_id=one) for one, verdict in commands.items()), return_exceptions=True
    )
    assert answers.count("applied") == 1
    facts = await decided(inside, opened)
    assert len(facts) == 1
    states = [await command_state(inside, one) for one in commands]
    assert states.count("applied") == 1
    assert "pending" not in states


async def test_a12_the_same_decision_sent_twice_at_once_is_applied_once(inside: Inside) -> None:
    opened = await _decision(inside)
    command_id = f"twice-{uuid4()}"
    answers = await asyncio.gather(*(inside.decide(opened, command_id=command_id) for _ in range(3)))
    assert answers == ["applied"] * 3
    assert len(await decided(inside, opened)) == 1


async def test_a9_a_returning_assister_without_an_lms_account_is_invited(inside: Inside) -> None:
    """Their certificate and portal account make them returning; the LMS has nobody to enrol."""
    request = documents.broker()
    earlier = documents.earlier(request, 2023, lms_account=None)
    opened = await inside.returning(earlier, 2024)
    await inside.approved(opened, override="agreement on file")
    await inside.agreed(opened, "invited", "lms_account")
    sent = await inside.noticed(opened, "lms_invitation")
    assert "lms_enrolled" not in sent
    await inside.reported(opened, "account", "profile", "course", 0.9)
    await inside.agreed(opened, "active", "next_plan_year")
    admitted = [one for one in await inside.calls("lms") if (one["body"] or {}).get("registration") == opened.case_id]
    assert [one["path"] for one in admitted] == ["/api/v1/invitations"]


async def test_a11_a_returning_assister_is_enrolled_while_the_lms_comes_back(inside: Inside) -> None:
    request = documents.broker()
    await inside.control("lms", mode="down")
    opened = await inside.returning(documents.earlier(request, 2023), 2024)
    await inside.approved(opened, override="agreement on file")
    status = await inside.agreed(opened, "invited", "lms_invitation")
    began = inside.now(opened)
    assert await inside.database.read(list_due_reminders, began + timedelta(days=15), "") is not None
    letters, _ = await inside.database.read(list_due_reminders, began + timedelta(days=15), "")
    assert opened.case_id not in {letter.case_id for letter in letters}, "what we owe is nobody else's to do"
    assert status["training"]["profile"] == "incomplete"
    await inside.control("lms", mode="ok")
    await inside.agreed(opened, "in_training", "course_completion")


async def test_d2_an_account_of_earlier_years_waits_for_the_proof_of_whose_the_npn_is(inside: Inside) -> None:
    """Also in the run after a renewal, which the wait doesn't hold up; the course is opened once, for that account."""
    request = documents.broker()
    earlier = documents.earlier(request, 2023, lms_account="an-account-of-old")
    opened = await inside.returning(earlier, 2024, contact_email=None)
    await inside.approved(opened, override="agreement on file")
    status = await inside.agreed(opened, "invited", "npn_proof")
    assert (status["training"]["profile"], status["certificate"]) == ("incomplete", None)
    await grown(inside, opened)
    await inside.agreed(opened, "invited", "npn_proof")
    assert not await intended(inside, opened, "training.enrolled")

    await inside.proven(opened)
    await inside.agreed(opened, "in_training", "course_completion")
    admitted = [one for one in await inside.calls("lms") if (one["body"] or {}).get("registration") == opened.case_id]
    assert [(one["path"], one["body"]["account"]) for one in admitted] == [("/api/v1/enrollments", "an-account-of-old")]
    assert (await inside.noticed(opened, "lms_enrolled")).count("lms_enrolled") == 1


async def test_c6_a_window_that_has_closed_already_ends_the_case_at_once(inside: Inside) -> None:
    opened = await inside.open(documents.broker(), windows={"closes_on": "2026-01-31"})
    assert await inside.handle(opened).result() == "closed"
    assert (await inside.status(opened))["stage"] == "closed"


async def test_e12_a_case_that_moves_to_other_rules_ends_by_their_last_day(inside: Inside) -> None:
    """Its workflow sleeps by the rules it goes by now, wherever it waits."""
    opened = await inside.open(documents.broker(), windows={"closes_on": "2099-12-31"})
    await inside.agreed(opened, "awaiting_decision", "decision")
    claimed = (await inside.progress(opened)).claimed
    assert claimed is not None
    assert claimed.closes_at is not None
    shipped = POLICIES["bewellnm", 2024]
    for windows in ({}, {"closes_on": "2026-01-31"}):
        await inside.move_rules(opened, shipped.model_copy(update={"windows": Windows.model_validate(windows)}))
        if not windows:
            await inside.knows(
                opened, lambda progress: progress.claimed == claimed.model_copy(update={"closes_at": None})
            )
            assert (await inside.status(opened))["stage"] == "awaiting_decision"
    assert await inside.handle(opened).result() == "closed"


async def test_a_reminder_that_comes_too_late_is_not_sent(inside: Inside) -> None:
    """The mail server was down, and meanwhile the assister did what the reminder is about."""
    opened = await inside.in_training(documents.broker())
    began = inside.now(opened)
    await inside.control("mailbox", mode="down")
    going_round = asyncio.create_task(inside.round(began + timedelta(days=15)))
    async with asyncio.timeout(PATIENCE):
        while not await intended(inside, opened, "notice.reminder"):
            await asyncio.sleep(0.05)
    await inside.reported(opened, "course")
    await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
    await inside.control("mailbox", mode="ok")
    await asyncio.wait_for(going_round, PATIENCE)
    assert await inside.reminders(opened) == []


async def test_a12_of_an_answer_and_a_question_taken_back_at_once_one_counts_and_the_other_is_told(
    inside: Inside,
) -> None:
    for _ in range(3):
        opened = await _information(inside)
        taken_back, answered = await asyncio.gather(
            inside.cases.take_question_back(opened.case_id, "it is in the file", "staff:riley"),
            inside.cases.answer_question(opened.case_id, {"phone": "505-555-0199"}, "the first one"),
            return_exceptions=True,
        )
        (refused,) = [one for one in (taken_back, answered) if isinstance(one, BaseException)]
        assert isinstance(refused, Refusal)
        assert refused.reason.code in (
            {"question_taken_back"} if refused is answered else {"answer_on_its_way", "no_open_question"}
        )
        await inside.agreed(opened, "awaiting_decision", "decision")
        progress = await inside.progress(opened)
        assert (progress.rounds, progress.take_backs) == ((0, 1) if refused is answered else (1, 0))
        await inside.approved(opened)


async def test_p12_e8_a_check_that_has_expired_is_ordered_anew_and_its_report_decides(inside: Inside) -> None:
    """Through the workflow: refused while it runs, ordered under a number of its own, and nothing of before counts."""
    opened = await inside.open(documents.counselor())
    await inside.agreed(opened, "awaiting_background_check", "background_check")
    await inside.until(opened, lambda status: _count_orders(status) == 1)
    with pytest.raises(Refusal, match="wait for what comes of it"):
        await inside.cases.reorder_check(opened.case_id, "no answer", "staff:riley")
    await inside.checked(opened, None, "invitation.expired")
    status = await inside.status(opened)
    assert status["waiting_for"] == "background_check"
    assert status["eligibility"]["findings"][-1]["note"] == "check_expired"
    with pytest.raises(Refusal, match="have it ordered anew"):
        await inside.decide(opened)
    number = f"reorder-{uuid4()}"
    for _ in range(2):  # a repeat is the same command
        done = await inside.cases.reorder_check(opened.case_id, "she asked for it", "staff:riley", command_id=number)
        assert done.state == "applied"
    await inside.until(opened, lambda status: _count_orders(status) == 2)
    assert len(await intended(inside, opened, "background.ordered")) == 2
    await inside.checked(opened, "clear", order=1)
    await inside.agreed(opened, "awaiting_decision", "decision")
    assert (await inside.progress(opened)).check_round == 1
    await inside.approved(opened)
    await inside.until(opened, "invited")


async def test_a13_staff_have_checks_made_again_and_what_comes_of_it_counts(inside: Inside) -> None:
    """Through the workflow and the registry; once a minute, and not once it is decided."""
    request = documents.broker()
    opened = await inside.open(request, know=False)
    status = await inside.agreed(opened, "awaiting_decision", "decision")
    assert _find_result(status, "npn_found") == "fail"
    await inside.know(request)
    again = inside.cases.repeat_checks
    done = await again(opened.case_id, "she says that it is there now", "staff:riley", command_id=f"again-{uuid4()}")
    assert done.state == "applied"
    status = await inside.until(opened, lambda status: _find_result(status, "npn_found") == "pass")
    assert (status["stage"], _find_result(status, "license_active")) == ("awaiting_decision", "pass")
    with pytest.raises(Refusal, match="less than a minute ago"):
        await again(opened.case_id, "once more", "staff:riley")
    await inside.approved(opened)
    with pytest.raises(Refusal, match="decided already"):
        await again(opened.case_id, "too late", "staff:riley")


def _find_result(status: dict[str, Any], check: str) -> str | None:
    return next((one["result"] for one in status["eligibility"]["findings"] if one["check"] == check), None)


def _count_orders(status: dict[str, Any]) -> int:
    return sum(one["kind"] == FactKind.BACKGROUND_ORDERED for one in status["history"])


# appeals: each has a workflow of its own, beside that of a case which has ended


async def appealed(inside: Inside, opened: Opened) -> tuple[Appeals, Opened]:
    """An appeal against what ended the case, by its owner: the door to it, and its workflow as one to skip time for."""
    appeals = Appeals(inside.client, inside.database, inside.cases, inside.settings.task_queue)
    number = await appeals.file_appeal(Filing(opened.case_id, "assister", FilingMethod.OWN_PAGE, "It was a mistake."))
    return appeals, replace(opened, workflow_id=make_appeal_workflow_id(opened.case_id, number))


async def decided_on(appeals: Appeals, opened: Opened, actor: str, outcome: AppealOutcome) -> None:
    await appeals.decide_appeal(DecisionOnAppeal(opened.case_id, actor, outcome, "a sample reason"))


async def count_signals(inside: Inside, opened: Opened) -> int:
    history = await inside.handle(opened).fetch_history()
    return sum(one.HasField("workflow_execution_signaled_event_attributes") for one in history.events)


async def test_e6_an_appeal_keeps_its_clocks_over_both_phases_and_the_end_stands(inside: Inside) -> None:
    request = documents.broker()
    opened = await inside.open(request)
    await inside.agreed(opened, "awaiting_decision", "decision")
    await inside.decide(opened, "deny")
    assert await inside.handle(opened).result() == "denied"
    appeals, appeal = await appealed(inside, opened)
    await inside.noticed(opened, "appeal_filed")
    await appeals.add_evidence(opened.case_id, "letter.pdf", pdf(), "assister")
    told = await count_signals(inside, appeal)
    assert await appeals.try_to_tell(opened.case_id, 1, has_changed=False)
    assert await count_signals(inside, appeal) == told, "what runs is not told again and again that nothing has changed"
    assert await inside.skip(appeal, timedelta(days=44))
    assert (await inside.status(opened))["appeal"]["phase"] == 1
    assert await inside.skip(appeal, timedelta(days=2))
    await inside.until(opened, lambda status: status["appeal"]["phase"] == 2)
    assert await inside.skip(appeal, timedelta(days=62))
    status = await inside.until(opened, lambda status: status["flag"] == "appeal_overdue")
    assert (status["stage"], status["appeal"]["state"]) == ("under_appeal", "open")
    with pytest.raises(Refusal, match="somebody else has to decide"):
        await decided_on(appeals, opened, "staff", AppealOutcome.REVERSED)
    await decided_on(appeals, opened, "staff:anna", AppealOutcome.UPHELD)
    assert await inside.handle(appeal).result() == "over"
    assert (await inside.status(opened))["stage"] == "denied"
    sent = [one for one in await inside.notices(opened) if one.startswith("appeal")]
    assert sent == ["appeal_filed", "appeal_escalated", "appeal_decided"]
    assert await inside.handle(opened).result() == "denied", "the case's own is not begun again"


async def test_e6_a_reversed_denial_goes_on_where_it_stood_and_may_end_again(inside: Inside) -> None:
    opened = await inside.open(documents.broker())
    await inside.agreed(opened, "awaiting_decision", "decision")
    await inside.decide(opened, "deny")
    assert await inside.handle(opened).result() == "denied"
    appeals, appeal = await appealed(inside, opened)
    await decided_on(appeals, opened, "staff:anna", AppealOutcome.REVERSED)
    assert await inside.handle(appeal).result() == "over"
    await inside.agreed(opened, "invited", "lms_account")
    assert "request_received" in await inside.notices(opened)
    assert len([one for one in await inside.notices(opened) if one == "request_received"]) == 1, "nothing twice"
    await inside.reported(opened, "account", "profile")
    await inside.agreed(opened, "in_training", "course_completion")
    await inside.cases.revoke_certification(opened.case_id, "a sample reason", "staff:rita")
    assert await inside.handle(opened).result() == "revoked"
    again, second = await appealed(inside, opened)
    assert second.workflow_id.endswith("/2")
    await decided_on(again, opened, "staff:iris", AppealOutcome.REVERSED)
    await inside.agreed(opened, "in_training", "course_completion")
    await inside.cases.revoke_certification(opened.case_id, "another reason", "staff:rita")
    assert await inside.handle(opened).result() == "revoked"
    assert len([one for one in await inside.notices(opened) if one == "revoked"]) == 2, "each end is told"


async def test_e11_a_corrected_name_has_a_certificate_that_supersedes_the_one_before(inside: Inside) -> None:
    """Number, file, page, portal account and the notice follow; the history of both stays; a repeat changes nothing."""
    opened = await inside.active(documents.counselor())
    before = (await inside.status(opened))["certificate"]
    correction = CorrectName(first_name="Corregida", last_name="Muestra", method=ProofMethod.PAPER, document="a card")
    for _ in range(2):
        given = inside.cases.correct_name(opened.case_id, correction, "misspelled", "staff:riley", "correction-1")
        assert (await given).state == "applied"
    await inside.noticed(opened, "certificate_corrected")
    status = await inside.status(opened)
    after = status["certificate"]
    assert status["stage"] == "active"
    assert after["supersedes"] == before["number"] != after["number"]
    assert [one["kind"] for one in status["history"]].count("certificate_issued") == 2
    old, new = [await inside.database.read(read_certificate, one["number"], now()) for one in (before, after)]
    assert old is not None
    assert new is not None
    assert (old["status"], old["superseded_by"], old["may_assist"]) == ("superseded", after["number"], False)
    assert (new["status"], new["holder"], new["may_assist"]) == ("valid", "Corregida Muestra", True)
    assert old["holder"] != new["holder"]
    account = await inside.account(opened)
    assert (account["first_name"], account["last_name"]) == ("Corregida", "Muestra")
    with pytest.raises(Refusal) as refused:
        await inside.cases.correct_name(opened.case_id, correction, "again", "staff:riley")
    assert refused.value.reason.code == "name_as_printed"
