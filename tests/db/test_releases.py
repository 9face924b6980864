"""Staff want a webhook delivered all the same: what may be, once and audited, and the sentence where it may not."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from adapters.holidays import list_days_off
from db.case_state import list_flags, load_snapshot
from db.tables import AlteredEvent, AuditRow, Case, FactRow, InboxRow
from db.writes.adverse_actions import follow_adverse_action
from db.writes.background_checks import KIND, intend_check
from db.writes.commands import keep_command
from db.writes.effects import EffectResult, complete_effect, intend_effect
from db.writes.federal.launch_tickets import enroll_in_course, keep_launch_ticket, redeem_launch_ticket
from db.writes.opening import Opened
from db.writes.webhooks.inbox import accept_statements, mark_delivered
from db.writes.webhooks.releases import Release, UnknownEvent, release_event
from domain.federal.markets import Curriculum
from domain.shared.business_days import DaysOff
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.commands import CommandKind, CommandOrigin
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import AdverseActionStanding, CaseRef, Report
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from domain.shared.policy import find_local_date
from domain.state.adverse_actions import build_notice_facts
from domain.state.background_reports import ORDINARY
from domain.state.commands import Decide, ReorderCheck
from domain.state.eligibility import Verdict
from domain.state.policies import POLICIES
from starter.cases import describe_event
from tests.support import documents
from tests.support.office import KEY as IDENTITY_KEY, Office, office_over
from tests.support.senders import LMS, SENDERS


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


def origin(opened: Opened, at: datetime) -> CommandOrigin:
    return CommandOrigin(str(uuid4()), opened.case_id, "staff:riley", "a sample reason", at)


async def case_of(office: Office, opened: Opened) -> Case:
    return (await office.database.read(load_snapshot, opened.case_id)).case


async def released(office: Office, kind: str, number: int, reason: str = "the sender has called") -> Release:
    return await office.database.write(release_event, number, kind, "morgan", reason, SENDERS, office.later())


async def refused(office: Office, kind: str, number: int, code: str) -> None:
    """Nothing is delivered, the sentence says why, and the attempt is audited."""
    before = len(await office.all(InboxRow)), len(await office.all(FactRow))
    assert await released(office, kind, number) == Release(refused=Reason(code))
    assert (len(await office.all(InboxRow)), len(await office.all(FactRow))) == before
    row = max(await office.all(AuditRow, action="webhook.release_refused"), key=lambda row: row.id)
    assert (row.actor, row.reason, row.details["answer"]) == (
        "morgan",
        "the sender has called",
        Reason(code).sentence(),
    )
    assert (row.reason_code, row.reason_details) == (code, {})


async def held(office: Office, **wanted: Any) -> int:
    (row,) = await office.all(InboxRow, **wanted)
    return int(row.id)


async def altered(office: Office) -> int:
    (row,) = await office.all(AlteredEvent)
    return int(row.id)


async def facts(office: Office, opened: Opened, kind: FactKind) -> list[FactRow]:
    return await office.all(FactRow, case_id=opened.case_id, kind=kind.value)


async def told(office: Office, row: InboxRow) -> Report:
    """What the workflow is told of an event."""
    return describe_event(row, await office.database.read(load_snapshot, row.case_id))


# held


async def test_a_pending_event_is_delivered_as_it_is(office: Office) -> None:
    opened = await office.opened()
    await office.lms(office.statement(opened, "registered", "account"))
    number = await held(office, state="pending")
    (row,) = (await released(office, "held", number)).to_deliver
    assert (row.id, (await told(office, row)).kind) == (number, FactKind.LMS_REGISTERED)
    assert len(await facts(office, opened, FactKind.LMS_REGISTERED)) == 1
    (audited,) = await office.all(AuditRow, action="webhook.released")
    assert (audited.actor, audited.reason, audited.case_id) == ("morgan", "the sender has called", opened.case_id)


async def test_an_event_of_an_earlier_release_is_told_as_it_was_stored(office: Office) -> None:
    opened = await office.opened()
    await office.lms(office.statement(opened, "registered", "account"))
    stored = {"case_id": opened.case_id, "fact_id": "kept", "kind": "exam_attempted", "passed": True}
    await office.database.write(Session.execute, update(InboxRow).values(message=stored))
    (row,) = await office.all(InboxRow)
    assert await told(office, row) == Report.model_validate(stored)


async def test_one_that_was_delivered_is_not_delivered_again(office: Office) -> None:
    opened = await office.opened()
    await office.lms(office.statement(opened, "registered", "account"))
    number = await held(office)
    await office.database.write(mark_delivered, [number], datetime.now(UTC))
    await refused(office, "held", number, "webhook_delivered")


async def test_a24_a_premature_report_doesnt_count_later_either(office: Office) -> None:
    opened = await office.waiting()
    await office.portal(opened, "account.registered", "msg_1")
    number = await held(office)
    await refused(office, "held", number, "webhook_premature")
    await office.decided(opened)
    await office.certified(opened)
    await refused(office, "held", number, "webhook_premature")
    assert await facts(office, opened, FactKind.PORTAL_REGISTERED) == []


async def test_c8_an_event_of_a_case_that_had_ended_stays_without_effect(office: Office) -> None:
    opened = await office.opened()
    await office.command(opened, CommandKind.WITHDRAW)
    await office.lms(office.statement(opened, "registered", "account"))
    await refused(office, "held", await held(office), "webhook_ended")


async def test_a14_a_report_that_is_not_final_has_nothing_to_deliver(office: Office) -> None:
    opened = await ordered(office)
    await office.checked(opened, "clear", type="report.paused")
    await refused(office, "held", await held(office), "webhook_not_final")


@pytest.mark.parametrize(
    ("event", "flag"),
    [
        ("report.canceled", "check_stopped"),
        ("invitation.expired", "check_stopped"),
        ("report.suspended", "check_suspended"),
    ],
)
async def test_p12_p13_staff_are_shown_a_check_that_can_t_go_on(office: Office, event: str, flag: str) -> None:
    opened = await office.screened(await ordered(office))
    await office.checked(opened, "clear", type=event, created_at="2024-09-20T12:00:00Z")
    assert list(list_flags(await case_of(office, opened))) == [flag]
    assert opened.case_id in await office.queued()
    assert (await office.list_held(states=("without_effect",))).rows == []
    await office.checked(opened, "clear", type="report.resumed", created_at="2024-11-01T12:00:00Z")
    assert list_flags(await case_of(office, opened)) == {}
    await office.checked(opened, "clear", created_at="2024-11-01T12:00:01Z")
    assert (await case_of(office, opened)).stage == "awaiting_decision"


async def test_e8_newer_beats_later_by_the_vendors_own_time(office: Office) -> None:
    opened = await office.screened(await ordered(office))
    await office.checked(opened, "clear", created_at="2024-10-03T12:00:00Z")
    await office.checked(opened, "clear", type="report.suspended", created_at="2024-10-01T12:00:00Z")
    await office.checked(opened, "consider", created_at="2024-10-02T12:00:00Z")
    state = (await office.database.read(load_snapshot, opened.case_id)).certification
    assert (state.stage, state.check.change) == ("awaiting_decision", None)
    assert state.check.report is not None
    assert state.check.report.result == "clear"


async def test_p12_e8_a_check_is_ordered_anew_once_with_a_number_of_its_own_and_audited(office: Office) -> None:
    opened = await office.screened(await ordered(office))
    key, at = f"{opened.case_id}:{KIND}:", office.later()
    refused = await office.command(opened, CommandKind.REORDER_CHECK)
    assert not refused.applied, "while the vendor is at it"
    await office.checked(opened, "clear", type="report.canceled")
    why = await office.database.write(keep_command, IDENTITY_KEY, Decide(verdict=Verdict.APPROVE), origin(opened, at))
    assert isinstance(why, Reason)
    assert why.code == "check_needed_anew"
    applied = await office.command(opened, CommandKind.REORDER_CHECK)
    assert (applied.renews_check, applied.is_checked, applied.check_round) == (True, False, 1)
    assert list_flags(await case_of(office, opened)) == {}
    intent, _ = await office.database.write(intend_check, IDENTITY_KEY, f"{key}1", opened.case_id, office.later(), 1)
    assert intent.result is None, "the canceled one is not taken for it"
    again = await office.command(opened, CommandKind.REORDER_CHECK)
    assert not again.applied
    audited = await office.database.read(lambda session: list(session.scalars(select(col(AuditRow.action)))))
    assert audited.count("case.check_reordered") == 1
    assert audited.count("reorder_check.refused") == 2


async def test_e8_without_the_assisters_consent_no_check_is_ordered_anew(office: Office) -> None:
    opened = await office.screened(await ordered(office))
    await office.checked(opened, "clear", type="report.canceled")

    def forget_consent(session: Session) -> None:
        case = session.get_one(Case, opened.case_id)
        case.request = {name: value for name, value in case.request.items() if name != "background_check_consent"}
        session.add(case)

    await office.database.write(forget_consent)
    why = await office.database.write(keep_command, IDENTITY_KEY, ReorderCheck(), origin(opened, office.later()))
    assert isinstance(why, Reason)
    assert why.code == "consent_needed"
    applied = await office.command(opened, CommandKind.REORDER_CHECK, consent="signed on paper, 3 October")
    assert applied.applied


@pytest.mark.parametrize("ended", [False, True])
async def test_p15_what_the_vendor_says_on_the_way_fills_no_page(office: Office, ended: bool) -> None:
    opened = await ordered(office)
    if ended:
        await office.command(opened, CommandKind.WITHDRAW)
    assert {"report.created", "invitation.created", "candidate.created"} <= ORDINARY
    for event in sorted(ORDINARY):
        received = await office.checked(opened, "clear", type=event)
        assert (received.taken, received.to_deliver) == (1, [])
    assert (await office.list_held()).rows == []
    assert await facts(office, opened, FactKind.BACKGROUND_REPORTED) == []
    stored = await office.database.read(lambda session: list(session.scalars(select(col(InboxRow.state)))))
    assert stored == ["expected"] * len(ORDINARY)


async def test_b13_a_ticket_counts_once(office: Office) -> None:
    opened, ticket = await ticketed(office)
    await office.completed_at_vendor(ticket, "msg_1")
    await office.completed_at_vendor(ticket, "msg_2")
    await refused(office, "held", await held(office, state="without_effect"), "webhook_repeated")
    assert len(await facts(office, opened, FactKind.COURSE_COMPLETED)) == 1


@pytest.mark.parametrize("kind", ["held", "altered"])
async def test_an_event_that_is_not_there(office: Office, kind: str) -> None:
    with pytest.raises(UnknownEvent):
        await released(office, kind, 4711)


async def test_nothing_goes_without_a_reason(office: Office) -> None:
    opened = await office.opened()
    await office.lms(office.statement(opened, "registered", "account"))
    with pytest.raises(Invalid) as caught:
        await released(office, "held", await held(office), "  ")
    assert [fault.field for fault in caught.value.faults] == ["reason"]


# altered


async def trained(office: Office) -> Opened:
    opened = await office.waiting()
    await office.decided(opened)
    return opened


async def scored(office: Office, opened: Opened, first: str, then: str) -> None:
    """The LMS reports an attempt, and then the same one with another score."""
    statement = office.statement(opened, "scored", "exam", result={"score": {"scaled": first}})
    await office.lms(_with(statement, first))
    assert (await office.lms(_with(statement, then))).altered


def _with(statement: dict[str, Any], scaled: str) -> dict[str, Any]:
    return {**statement, "result": {"score": {"scaled": float(scaled)}}}


async def test_c5_an_altered_statement_is_taken_once_as_an_event_of_its_own(office: Office) -> None:
    opened = await trained(office)
    await scored(office, opened, "0.79", "0.8")
    number = await altered(office)
    (row,) = (await released(office, "altered", number)).to_deliver
    attempts = sorted(await facts(office, opened, FactKind.EXAM_ATTEMPTED), key=lambda fact: fact.data["score"])
    assert [(one.data["score"], one.data["passed"]) for one in attempts] == [("0.79", False), ("0.8", True)]
    assert (row.fact_id, row.state, (await told(office, row)).passed) == (attempts[1].id, "pending", True)
    assert row.event_id != (await office.all(AlteredEvent))[0].event_id
    assert list_flags((await office.database.read(load_snapshot, opened.case_id)).case) == {}
    await refused(office, "altered", number, "webhook_taken")
    assert len(await facts(office, opened, FactKind.EXAM_ATTEMPTED)) == 2
    (listed,) = (await office.list_altered()).rows
    assert listed.released_at is not None


async def test_a21_numbers_are_read_again_to_the_last_digit(office: Office) -> None:
    opened = await trained(office)
    statement = office.statement(opened, "scored", "exam", result={"score": {"scaled": 1}})
    await office.lms(_with(statement, "0.5"))
    exactly = '{"score": {"scaled": 0.7999999999999999999999}}'
    body = {**statement, "result": read_json(exactly.encode())}
    assert (await office.database.write(accept_statements, LMS, read_statements([body]), office.later())).altered
    await released(office, "altered", await altered(office))
    scores = {one.data["score"]: one.data["passed"] for one in await facts(office, opened, FactKind.EXAM_ATTEMPTED)}
    assert scores == {"0.5": False, "0.7999999999999999999999": False}


async def test_two_who_release_the_same_event_at_once_release_it_once(office: Office) -> None:
    opened = await trained(office)
    await scored(office, opened, "0.7", "0.9")
    number = await altered(office)
    answers = await asyncio.gather(*(released(office, "altered", number) for _ in range(4)))
    assert [len(answer.to_deliver) for answer in answers if answer.refused is None] == [1]
    assert [answer.refused for answer in answers if answer.refused] == [Reason("webhook_taken")] * 3
    assert len(await facts(office, opened, FactKind.EXAM_ATTEMPTED)) == 2


async def test_a_flag_stays_while_another_altered_event_is_left(office: Office) -> None:
    opened = await trained(office)
    await scored(office, opened, "0.7", "0.9")
    await scored(office, opened, "0.6", "0.8")
    first, second = sorted(row.id for row in await office.all(AlteredEvent))
    await released(office, "altered", first)
    assert [*list_flags((await office.database.read(load_snapshot, opened.case_id)).case)] == ["altered_event"]
    await released(office, "altered", second)
    assert list_flags((await office.database.read(load_snapshot, opened.case_id)).case) == {}


async def test_a20_an_altered_statement_is_checked_like_every_other(office: Office) -> None:
    """An exam of another year doesn't count, though staff ask for it: the refusal names the field."""
    opened = await trained(office)
    statement = office.statement(opened, "passed", "exam", result={"score": {"scaled": 0.9}})
    await office.lms(statement)
    earlier = POLICIES["bewellnm", 2023].lms.exam_id
    assert (await office.lms({**statement, "object": {"id": earlier}})).altered
    with pytest.raises(Invalid) as caught:
        await released(office, "altered", await altered(office))
    assert [fault.field for fault in caught.value.faults] == ["object.id"]
    assert (await office.all(AlteredEvent))[0].released_at is None


async def test_what_is_about_another_case_is_not_taken_for_this_one(office: Office) -> None:
    document = documents.broker()
    first = await office.opened(document)
    statement = office.statement(first, "registered", "account")
    await office.lms(statement)
    await office.command(first, CommandKind.WITHDRAW)
    again = await office.opened(document)
    other = await office.opened()
    changed = {**statement, "context": {"registration": again.case_id}}
    assert (await office.lms(changed)).altered
    await refused(office, "altered", await altered(office), "webhook_ended")
    mine = office.statement(other, "registered", "account")
    await office.lms(mine)
    theirs = {**mine, "context": {"registration": again.case_id}, "actor": statement["actor"]}
    assert (await office.lms(theirs)).altered
    last = max(row.id for row in await office.all(AlteredEvent))
    await refused(office, "altered", last, "webhook_other_case")


async def test_an_altered_event_of_a_case_that_has_ended_meanwhile(office: Office) -> None:
    opened = await trained(office)
    await scored(office, opened, "0.7", "0.9")
    await office.command(opened, CommandKind.WITHDRAW)
    await refused(office, "altered", await altered(office), "webhook_ended")


async def test_a24_an_altered_report_of_the_portal(office: Office) -> None:
    opened = await trained(office)
    await office.portal(opened, "account.registered", "msg_1")
    assert (await office.portal(opened, "account.registered", "msg_1", reason="again")).altered
    number = await altered(office)
    await refused(office, "altered", number, "webhook_premature")
    await office.certified(opened)
    (row,) = (await released(office, "altered", number)).to_deliver
    assert (row.kind, row.state) == ("portal_registered", "pending")
    assert len(await facts(office, opened, FactKind.PORTAL_REGISTERED)) == 1


async def ordered(office: Office) -> Opened:
    """A counselor's case whose background check is ordered."""
    opened = await office.opened(documents.counselor())
    key = f"{opened.case_id}:background.ordered:0"
    await office.database.write(intend_effect, key, opened.case_id, "background.ordered", {}, office.later())
    await office.database.write(complete_effect, key, opened.case_id, EffectResult(), office.later())
    return opened


async def test_a14_an_altered_background_report_has_the_last_word_once_it_is_taken(office: Office) -> None:
    opened = await office.screened(await ordered(office))
    await office.checked(opened, "clear", "evt_1")
    assert (await office.checked(opened, "consider", "evt_1")).altered
    kept = (await office.list_altered()).rows[0].body
    assert '"result": "consider"' in kept, "staff see what differs"
    assert (await office.status(opened))["eligibility"]["findings"][-1]["result"] == "pass"
    await released(office, "altered", await altered(office))
    assert (await office.status(opened))["eligibility"]["findings"][-1]["result"] == "consider"


async def test_of_a_background_report_nothing_personal_is_kept(office: Office) -> None:
    opened = await ordered(office)
    await office.checked(opened, "clear", "evt_1")
    assert (await office.checked(opened, "consider", "evt_1", account="Ejemplo Consejera, born 1 April")).altered
    assert "Ejemplo" not in (await office.list_altered()).rows[0].body


async def ticketed(office: Office) -> tuple[Opened, str]:
    """A registration with a launch ticket that was used."""
    document = documents.registration(markets=["individual", "shop"])
    opened, ticket = await office.registered(**document), uuid4().hex
    await office.database.write(
        enroll_in_course, opened.case_id, Curriculum.SHOP, "vendor-a", THE_ASSISTER, office.later()
    )
    await office.database.write(
        keep_launch_ticket, opened.case_id, Curriculum.SHOP, "vendor-a", ticket, THE_ASSISTER, office.later()
    )
    await office.database.write(redeem_launch_ticket, "vendor-a", ticket, office.later())
    return opened, ticket


async def test_b15_an_altered_report_of_a_vendor_counts_no_second_time(office: Office) -> None:
    opened, ticket = await ticketed(office)
    await office.completed_at_vendor(ticket, "msg_1")
    assert (await office.completed_at_vendor(ticket, "msg_1", occurred_at="2024-11-01T00:00:00Z")).altered
    await refused(office, "altered", await altered(office), "webhook_repeated")
    assert ticket not in (await office.list_altered()).rows[0].body
    assert len(await facts(office, opened, FactKind.COURSE_COMPLETED)) == 1


async def test_b15_an_altered_report_of_another_ticket_is_taken(office: Office) -> None:
    opened, ticket = await ticketed(office)
    other = uuid4().hex
    await office.database.write(
        keep_launch_ticket, opened.case_id, Curriculum.SHOP, "vendor-a", other, THE_ASSISTER, office.later()
    )
    await office.database.write(redeem_launch_ticket, "vendor-a", other, office.later())
    await office.completed_at_vendor(ticket, "msg_1")
    assert (await office.completed_at_vendor(other, "msg_1")).altered
    (row,) = (await released(office, "altered", await altered(office))).to_deliver
    standing = (await told(office, row)).standing
    assert standing is not None
    assert standing.facts == len(await office.all(FactRow, case_id=opened.case_id))


async def test_what_an_earlier_release_kept_too_little_of_is_not_guessed_at(office: Office) -> None:
    opened = await trained(office)
    await scored(office, opened, "0.7", "0.9")
    number = await altered(office)
    await office.database.write(Session.execute, update(AlteredEvent).values(body={"body": "{}"}))
    await refused(office, "altered", number, "webhook_not_kept")
    assert (await office.list_altered()).rows[0].body == "{}"


async def test_the_case_file_tells_of_it(office: Office) -> None:
    opened = await trained(office)
    await scored(office, opened, "0.7", "0.9")
    await released(office, "altered", await altered(office))
    assert (await released(office, "altered", await altered(office))).refused == Reason("webhook_taken")
    told = [
        (entry.name, entry.actor)
        for entry in (await office.read_case_file(opened.case_id)).timeline
        if entry.kind in ("webhook", "flag")
    ]
    assert told == [
        ("altered", "sender:lms"),
        ("released", "morgan"),
        ("lowered", "system"),
        ("release_refused", "morgan"),
    ]


async def give_notice(office: Office, opened: Opened, days_off: DaysOff = list_days_off) -> None:
    """The notice before a denial goes out now, and its days begin."""
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    action, at = snapshot.certification.adverse_action, office.later()
    assert action is not None
    rules, today = snapshot.state_policy.adverse_action, find_local_date(snapshot.policy, at)
    [noticed] = build_notice_facts(opened.case_id, action, rules, days_off((today.year, today.year + 1)), today, at)
    await office.fact(opened, noticed.kind, noticed.data, at=at)


async def test_e8_a_denial_by_a_report_waits_for_its_notice_and_its_days(office: Office) -> None:
    """By the database alone: what is refused, what follows from a report, and what is audited."""
    opened = await office.screened(await ordered(office))
    await office.checked(opened, "consider")
    assert not (await office.decided(opened, "deny")).applied
    begun = await office.command(opened, CommandKind.BEGIN_ADVERSE_ACTION)
    assert begun.adverse_action is not None
    assert (begun.adverse_action.number, begun.adverse_action.version) == (1, 1)

    async def follow() -> AdverseActionStanding:
        order = CaseRef(case_id=opened.case_id, at=office.now, occurrence=1)
        return await office.database.write(follow_adverse_action, order, list_days_off, office.later())

    waiting = await follow()
    assert (waiting.status, waiting.due_at, [one.notice for one in waiting.letters]) == (
        "noticing",
        None,
        ["adverse_action_begun"],
    )
    await give_notice(office, opened)
    first = await follow()
    assert (await follow()).version == first.version, "asked twice, it records nothing twice"
    assert first.due_at is not None
    await office.checked(opened, "clear", type="report.disputed")
    assert (await follow()).status == "disputed"
    await office.checked(opened, "consider", created_at="2024-10-01T12:00:00Z")
    assert (await follow()).status == "disputed", "an older report ends no dispute"
    await office.checked(opened, "consider")
    assert (await follow()).status == "waiting"
    assert not (await office.decided(opened, "deny")).applied
    office.later(days=16)
    assert (await follow()).status == "decidable"
    assert (await office.decided(opened, "deny")).applied
    ended = await follow()
    assert (ended.status, [one.notice for one in ended.letters]) == ("denied", ["adverse_action_final"])
    audited = await office.database.read(lambda session: list(session.scalars(select(col(AuditRow.action)))))
    assert audited.count("adverse_action.waited") == audited.count("adverse_action.ended") == 1
    assert audited.count("decide.refused") == 2


async def test_e8_the_days_that_were_left_leave_out_the_holidays_of_the_year_before(office: Office) -> None:
    opened = await office.screened(await ordered(office))
    await office.checked(opened, "consider")
    office.now = datetime(2024, 12, 23, 18, tzinfo=UTC)
    await office.command(opened, CommandKind.BEGIN_ADVERSE_ACTION)

    def list_some_days_off(years: Iterable[int]) -> frozenset[date]:
        return frozenset(day for day in (date(2024, 12, 25), date(2025, 1, 1)) if day.year in years)

    async def follow() -> str:
        order = CaseRef(case_id=opened.case_id, at=office.now, occurrence=1)
        await office.database.write(follow_adverse_action, order, list_some_days_off, office.later())
        return str((await office.status(opened))["adverse_action"]["last_day"])

    assert await follow() == "None"
    await give_notice(office, opened, list_some_days_off)
    assert await follow() == "2024-12-31"
    office.now = datetime(2024, 12, 24, 18, tzinfo=UTC)
    assert (await office.command(opened, CommandKind.DISPUTE_CHECK)).applied
    office.now = datetime(2025, 1, 6, 18, tzinfo=UTC)
    assert (await office.command(opened, CommandKind.END_DISPUTE)).applied
    assert await follow() == "2025-01-13", "five days were left, of which Christmas is none"
