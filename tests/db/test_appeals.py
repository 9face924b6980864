"""Appeals in the database: filed, backed, decided, followed; on both databases (E5, E6, C10)."""

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from db.appeal_tables import AppealFile, AppealRow
from db.case_state import find_ending, load_case, load_snapshot
from db.reads.appeals import (
    find_appeal_offer,
    find_evidence,
    list_untold_appeals,
    list_untold_facts,
    read_appeals,
    read_open_appeals,
)
from db.reads.recovery.reconciliation import is_unclosed, list_open_cases
from db.tables import AuditRow
from db.writes.appeals.deciding import DecisionOnAppeal, decide_appeal, follow_appeal, note_told
from db.writes.appeals.filing import Filing, add_evidence, file_appeal, withdraw_appeal
from db.writes.cases import claim_case
from db.writes.opening import Opened
from db.writes.submissions import Submission
from db.writes.suspensions import end_terms, file_rebuttal
from domain.shared.cases.appeals import AppealOutcome, FilingMethod
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import AppealRef, AppealStanding, Claim
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage
from domain.shared.documents.evidence import MOST_FILES, PDF
from domain.shared.documents.faults import Invalid
from starter.cases import describe_event
from tests.support import documents
from tests.support.evidence import pdf
from tests.support.office import NOW, Office, office_over

REVIEWER, SECOND, THIRD = "riley", "staff:anna", "staff:iris"


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as opened:
        yield opened


def no_days_off(years: Iterable[int]) -> frozenset[date]:
    del years
    return frozenset()


async def denied(office: Office, **changes: Any) -> Opened:
    opened = await office.waiting(**changes)
    assert (await office.decided(opened, "deny")).applied
    return opened


async def revoked(office: Office) -> Opened:
    opened = await office.waiting()
    await office.decided(opened)
    await office.certified(opened)
    await office.command(opened, CommandKind.REVOKE)
    return opened


async def filed(office: Office, opened: Opened, at: datetime | None = None, **changes: Any) -> int | Reason:
    given = {"actor": "assister", "method": FilingMethod.OWN_PAGE, "grounds": "It was a mistake.", **changes}
    return await office.database.write(file_appeal, Filing(opened.case_id, **given), no_days_off, at or office.later())


async def decided(
    office: Office, opened: Opened, outcome: str, actor: str = SECOND, **changes: Any
) -> AppealOutcome | Reason:
    given = DecisionOnAppeal(opened.case_id, actor, AppealOutcome(outcome), "a sample reason", **changes)
    return await office.database.write(decide_appeal, given, no_days_off, office.later())


async def followed(office: Office, opened: Opened, at: datetime | None = None, number: int = 1) -> AppealStanding:
    moment = at or office.later()
    ref = AppealRef(case_id=opened.case_id, number=number, at=moment)
    return await office.database.write(follow_appeal, ref, no_days_off, moment)


async def stage(office: Office, opened: Opened) -> str:
    return (await office.database.read(load_case, opened.case_id)).stage


def code(answer: object) -> str:
    assert isinstance(answer, Reason), answer
    return answer.code


async def actions(office: Office, opened: Opened) -> list[str]:
    return [row.action for row in await office.all(AuditRow, case_id=opened.case_id)]


async def test_c10_an_appeal_is_filed_once_and_shown_to_both_sides(office: Office) -> None:
    opened = await denied(office)
    offer = await office.database.read(find_appeal_offer, opened.case_id, no_days_off, office.now)
    assert offer is not None
    assert (offer.last_day, offer.refusal) == (date(2025, 1, 3), None), "60 days after the 4th of November"
    assert await filed(office, opened) == 1
    assert code(await filed(office, opened)) == "appeal_open"
    status = await office.status(opened)
    assert (status["stage"], status["waiting_for"]) == ("under_appeal", "appeal_decision")
    assert status["may_assist_reasons"][0] == "under_appeal"
    assert status["appeal"]["due_on"] == "2024-12-19"
    (shown,) = await office.database.read(read_appeals, opened.case_id)
    assert shown.document()["grounds"] == "It was a mistake."
    (listed,) = (await office.database.read(read_open_appeals, None, 25)).rows
    assert (listed.case_id, listed.phase, listed.phases) == (opened.case_id, 1, 2)
    assert {"appeal.filed", "appeal.filed.refused"} <= set(await actions(office, opened))


async def test_e5_late_is_refused_and_audited_and_nothing_is_stored(office: Office) -> None:
    opened = await denied(office)
    late = NOW + timedelta(days=61)
    answer = await filed(office, opened, late)
    assert isinstance(answer, Reason)
    assert answer.sentence() == "The last day to appeal was 2025-01-03; an appeal that comes later can't be taken."
    assert await office.all(AppealRow) == []
    assert (await stage(office, opened), (await actions(office, opened))[-1]) == ("denied", "appeal.filed.refused")
    # A letter that came in time, and lay for a while.
    by_letter: dict[str, Any] = {"actor": "staff:rita", "method": FilingMethod.LETTER, "reason": "It came by mail."}
    assert await filed(office, opened, late, received_on=date(2025, 1, 3), **by_letter) == 1
    other = await denied(office, npn="7654321", email="other@example.com", license_number="NM-7654321")
    for day, problem in ((date(2026, 1, 1), "after today"), (date(2024, 11, 1), "before the decision")):
        with pytest.raises(Invalid, match=problem):
            await filed(office, other, received_on=day, **by_letter)


async def test_e5_what_nobody_decided_cannot_be_appealed(office: Office) -> None:
    waiting = await office.waiting()
    assert code(await filed(office, waiting)) == "nothing_to_appeal"
    await office.command(waiting, CommandKind.WITHDRAW)
    assert code(await filed(office, waiting)) == "nothing_to_appeal"


async def test_e5_a_newer_request_of_the_year_overtakes_an_appeal(office: Office) -> None:
    request = documents.broker()
    first = await office.screened(await office.opened(request))
    await office.decided(first, "deny")
    second = await office.opened(request)
    assert second.case_id != first.case_id
    assert code(await filed(office, first)) == "appeal_overtaken"


async def test_a10_while_an_appeal_is_under_way_a_request_opens_no_other_case(office: Office) -> None:
    request = documents.broker()
    first = await office.screened(await office.opened(request))
    await office.decided(first, "deny")
    await filed(office, first)
    assert (await office.opened(request)).case_id == first.case_id


async def test_e6_a_reversed_denial_is_an_approval_by_who_reversed_it(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    assert code(await decided(office, opened, "reversed", actor=REVIEWER)) == "decided_before"
    assert await stage(office, opened) == Stage.UNDER_APPEAL
    assert await decided(office, opened, "reversed") is AppealOutcome.REVERSED
    status = await office.status(opened)
    assert (status["stage"], status["eligibility"]["status"]) == ("invited", "approved")
    assert status["eligibility"]["decided_by"] == SECOND
    assert status["appeal"] == {**status["appeal"], "state": "decided", "outcome": "reversed", "due_on": None}
    case = await office.database.read(load_case, opened.case_id)
    assert (case.run_id, case.restarts, case.restarted_at) == (None, 0, office.now), "its workflow is to be begun anew"
    claimed = await office.database.write(claim_case, Claim(case_id=opened.case_id, run_id="second", at=office.later()))
    assert claimed.mine
    assert (claimed.ended, claimed.reopened) == ("", 1)
    assert claimed.rebuilt is not None
    assert claimed.rebuilt.verdict == "approve"
    assert code(await decided(office, opened, "upheld")) == "no_open_appeal"


async def test_e6_what_is_sent_back_waits_for_the_first_reviewers(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    assert await decided(office, opened, "sent_back") is AppealOutcome.SENT_BACK
    assert await stage(office, opened) == "awaiting_decision"
    assert opened.case_id in await office.queued()
    assert (await office.decided(opened, "deny")).applied, "the same reviewer may"
    offer = await office.database.read(find_appeal_offer, opened.case_id, no_days_off, office.now)
    assert offer is not None
    assert offer.refusal is None, "it is another decision"
    assert await filed(office, opened) == 2
    assert code(await decided(office, opened, "upheld")) == "decided_before", "they decided in the case before"


async def test_e6_a_reversed_revocation_leaves_the_case_where_it_stood(office: Office) -> None:
    opened = await revoked(office)
    assert await filed(office, opened) == 1
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert snapshot.certification.certificate is not None
    assert await decided(office, opened, "reversed") is AppealOutcome.REVERSED
    assert await stage(office, opened) == "certified"


async def test_e6_after_a_termination_was_reversed_another_one_comes_about(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened)
    await office.certified(opened)

    async def terminated(reason: str, days: int) -> None:
        assert (await office.command(opened, CommandKind.GIVE_NOTICE, reason)).applied
        assert (await office.database.write(end_terms, opened.case_id, office.later(days=days))).ended
        assert await stage(office, opened) == "terminated"
        assert (await office.database.read(find_ending, opened.case_id)).reason.words == reason

    await terminated("the first reason", 32)
    assert await filed(office, opened) == 1
    assert await decided(office, opened, "reversed") is AppealOutcome.REVERSED
    reopened = (await office.database.read(load_snapshot, opened.case_id)).certification.authority
    assert (reopened.termination, reopened.facts) == (None, 1), "what is numbered by them never has a number twice"
    assert not (await office.database.write(end_terms, opened.case_id, office.later())).ended
    await terminated("another reason", 32)
    assert await filed(office, opened) == 2, "it is another decision"


async def test_e4_what_is_said_after_a_reversal_is_kept_beside_what_was_said_before(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened)
    await office.certified(opened)
    for text in ("said of the first", "said of the second"):
        await office.command(opened, CommandKind.GIVE_NOTICE)
        await office.database.write(file_rebuttal, opened.case_id, text, THE_ASSISTER, office.later())
        (kept,) = (await office.database.read(load_snapshot, opened.case_id)).state.authority.rebuttals
        assert kept.text == text
        if text == "said of the first":
            await office.command(opened, CommandKind.TERMINATE)
            await filed(office, opened)
            await decided(office, opened, "reversed")


async def test_e6_two_phases_with_three_people(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    assert await decided(office, opened, "upheld") is AppealOutcome.UPHELD
    (shown,) = await office.database.read(read_appeals, opened.case_id)
    assert (shown.appeal.phase, shown.appeal.is_open) == (2, True), "it goes on by itself"
    assert shown.appeal.due_on == date(2025, 1, 3)
    for one in (REVIEWER, SECOND):
        assert code(await decided(office, opened, "reversed", actor=one)) == "decided_before"
    assert await decided(office, opened, "upheld", actor=THIRD) is AppealOutcome.UPHELD
    assert await stage(office, opened) == "denied"
    assert code(await filed(office, opened)) == "appealed_before"


async def test_e6_an_end_under_appeal_is_nothing_that_a_reconciliation_begins_again(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    assert await office.database.read(list_open_cases, "", 10) == []
    assert not await office.database.read(is_unclosed, opened.case_id)


async def test_e6_a_clock_that_has_run_out_goes_on_to_the_next_phase_and_then_to_staff(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    standing = await followed(office, opened)
    assert (standing.phase, standing.version) == (1, 1)
    assert standing.due_at is not None
    assert [one.notice for one in standing.letters] == ["appeal_filed"]
    before = await followed(office, opened, standing.due_at - timedelta(seconds=1))
    assert (before.phase, before.due_at) == (1, standing.due_at)
    after = await followed(office, opened, standing.due_at)
    assert (after.phase, after.version) == (2, 2)
    assert [one.key for one in after.letters] == [
        f"{opened.case_id}:notice:appeal_filed:0:1.1",
        f"{opened.case_id}:notice:appeal_escalated:0:1.2",
    ]
    assert after.due_at is not None
    late = await followed(office, opened, after.due_at)
    assert (late.phase, late.is_open, late.due_at) == (2, True, None)
    again = await followed(office, opened, after.due_at + timedelta(days=1))
    assert again == late.model_copy(update={"letters": again.letters}), "said once"
    assert (await office.status(opened))["flag"] == "appeal_overdue"
    (listed,) = (await office.database.read(read_open_appeals, None, 25)).rows
    assert listed.is_overdue
    await decided(office, opened, "upheld")
    assert (await office.status(opened))["flag"] is None


async def test_e5_evidence_is_kept_by_its_hash_and_bounded(office: Office) -> None:
    opened = await denied(office)

    async def add(text: str, name: str = "letter.pdf") -> int | Reason:
        submission = Submission(name, PDF, pdf(text))
        return await office.database.write(
            add_evidence, opened.case_id, submission, "assister", no_days_off, office.later()
        )

    assert code(await add("a")) == "no_open_appeal"
    await filed(office, opened)
    assert await add("a") == 1
    assert await add("a", "the same under another name.pdf") == 1
    assert await add("b") == 2
    (shown,) = await office.database.read(read_appeals, opened.case_id)
    assert [(one.number, one.name, one.phase) for one in shown.files] == [(1, "letter.pdf", 1), (2, "letter.pdf", 1)]
    found = await office.database.read(find_evidence, opened.case_id, 1, 2)
    assert found is not None
    assert found.content == pdf("b")
    assert await office.database.read(find_evidence, opened.case_id, 1, 3) is None
    for number in range(3, MOST_FILES + 1):
        assert await add(str(number)) == number
    assert code(await add("one too many")) == "evidence_full"
    assert len(await office.all(AppealFile)) == MOST_FILES


async def test_e5_an_appeal_that_is_taken_back_leaves_the_end_as_it_was(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    for days in (50, 70):
        await followed(office, opened, office.later(days=days))
    assert (await office.status(opened))["flag"] == "appeal_overdue"

    async def take_back(actor: str = "assister") -> Reason | None:
        return await office.database.write(
            withdraw_appeal, opened.case_id, actor, "not any more", no_days_off, office.later()
        )

    assert code(await take_back(REVIEWER)) == "withdrawn_by_decider", "who is appealed against"
    assert await stage(office, opened) == Stage.UNDER_APPEAL
    assert await take_back() is None
    assert (await office.status(opened))["flag"] is None, "nobody waits for it any more"
    assert code(await take_back()) == "no_open_appeal"
    assert await stage(office, opened) == "denied"
    assert not (await followed(office, opened)).is_open


async def test_e6_a_decision_has_a_day_that_has_come_and_is_after_what_it_is_about(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)
    for day, problem in ((date(2024, 11, 5), "after today"), (date(2024, 11, 3), "before the decision")):
        with pytest.raises(Invalid, match=problem):
            await decided(office, opened, "upheld", effective_on=day)
    await decided(office, opened, "reversed", effective_on=date(2024, 11, 4))


async def test_e6_what_an_override_does_not_reach_is_sent_back(office: Office) -> None:
    """A counselor who was denied before the background check was reported (A14)."""
    request = documents.counselor()
    opened = await office.opened(request)
    await office.screened(opened)
    await office.decided(opened, "deny")
    await filed(office, opened)
    assert code(await decided(office, opened, "reversed")) == "reversal_by_first_reviewers"
    assert await decided(office, opened, "sent_back") is AppealOutcome.SENT_BACK
    assert await stage(office, opened) == "awaiting_background_check"


async def test_e6_its_workflow_is_told_of_every_change_and_of_a_clock_that_nobody_minds(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened)

    async def untold(at: datetime) -> list[int]:
        return [row.version for row in await office.database.read(list_untold_appeals, at, at)]

    assert await untold(office.later()) == [1]
    await office.database.write(note_told, opened.case_id, 1, 1)
    assert await untold(office.later()) == []
    assert await untold(office.now + timedelta(days=46)) == [1]
    await decided(office, opened, "upheld")
    assert await untold(office.later()) == [2]


async def test_b_a_revoked_registration_is_reconsidered(office: Office) -> None:
    opened = await office.registered()
    await office.database.write(
        claim_case, Claim(case_id=opened.case_id, run_id=f"run-{opened.case_id}", at=office.later())
    )
    await office.command(opened, CommandKind.REVOKE)
    offer = await office.database.read(find_appeal_offer, opened.case_id, no_days_off, office.now)
    assert offer is not None
    assert offer.last_day == date(2024, 12, 4), "30 days"
    assert await filed(office, opened) == 1
    assert await stage(office, opened) == "under_appeal"
    assert await decided(office, opened, "reversed") is AppealOutcome.REVERSED
    assert await stage(office, opened) == "awaiting_profile"


async def suspended(office: Office, **ordered: Any) -> Opened:
    opened = await office.waiting()
    await office.decided(opened)
    await office.certified(opened)
    await order(office, opened, **ordered)
    return opened


async def order(office: Office, opened: Opened, **ordered: Any) -> None:
    given = {"suspension": "agreement", **ordered}
    assert (await office.command(opened, CommandKind.SUSPEND, **given)).applied


async def told(office: Office, opened: Opened) -> list[str]:
    """What of the authority is left to be told to the case's workflow."""
    rows = await office.database.read(list_untold_facts, opened.case_id)
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    reports = [describe_event(row, snapshot) for row in rows]
    assert all(report.authority == snapshot.take_authority_snapshot() for report in reports)
    return [row.kind for row in rows]


async def test_e7_a_suspension_waits_while_it_is_appealed_and_goes_on_for_what_was_left(office: Office) -> None:
    opened = await suspended(office, until="2024-12-04")
    before = await office.status(opened)
    assert (before["stage"], before["may_assist_reasons"][0]) == ("suspended", "suspended_by_staff")
    offer = await office.database.read(find_appeal_offer, opened.case_id, no_days_off, office.now)
    assert offer is not None
    assert (offer.last_day, offer.refusal) == (date(2025, 1, 3), None)
    assert await filed(office, opened) == 1
    meanwhile = await office.status(opened)
    assert meanwhile["stage"] == "certified"
    assert "suspended_by_staff" not in meanwhile["may_assist_reasons"]
    assert meanwhile["suspensions"][0]["stayed"]
    assert (meanwhile["appeal"]["appealed"], meanwhile["appeal"]["state"]) == ("suspended", "open")
    assert await told(office, opened) == ["appeal_filed"], "its account is opened again"
    again = await office.command(opened, CommandKind.SUSPEND, suspension="agreement", until=None)
    assert not again.applied, "no way around the appeal"
    await office.database.write(end_terms, opened.case_id, office.later(days=40))
    assert (await office.status(opened))["suspensions"], "its clock stands still"
    assert code(await decided(office, opened, "upheld", actor="riley")) == "decided_before", "who suspended"
    assert await decided(office, opened, "upheld") is AppealOutcome.UPHELD
    assert await stage(office, opened) == "certified", "another look is to come"
    assert await decided(office, opened, "upheld", actor=THIRD) is AppealOutcome.UPHELD
    after = await office.status(opened)
    assert (after["stage"], after["suspensions"][0]["stayed"]) == ("suspended", False)
    assert after["suspensions"][0]["until"] == "2025-01-13", "forty days later than it was"
    assert code(await filed(office, opened)) == "appealed_before"


async def test_e7_a_suspension_that_is_reversed_or_sent_back_is_lifted(office: Office) -> None:
    for outcome in ("reversed", "sent_back"):
        opened = await suspended(office)
        await filed(office, opened)
        assert await decided(office, opened, outcome) is AppealOutcome(outcome)
        after = await office.status(opened)
        assert (after["stage"], after["suspensions"], after["appeal"]["outcome"]) == ("certified", [], outcome)
        assert after["flag"] == ("appeal_sent_back" if outcome == "sent_back" else None)
        assert await told(office, opened) == ["appeal_filed", "appeal_decided"]
        letters = (await office.database.read(load_snapshot, opened.case_id)).take_authority_snapshot().letters
        assert [one.notice for one in letters] == ["authority_suspended", "authority_restored"]
        case = await office.database.read(load_case, opened.case_id)
        assert case.run_id is not None, "its workflow goes on"
        assert "case.reopened" not in await actions(office, opened)


async def test_e7_what_was_ordered_at_once_and_access_to_systems_stand_meanwhile(office: Office) -> None:
    opened = await suspended(office, at_once=True)
    await order(office, opened, suspension="system")
    assert await filed(office, opened) == 1, "one appeal against both"
    meanwhile = await office.status(opened)
    assert meanwhile["stage"] == "suspended"
    assert meanwhile["may_assist_reasons"][:2] == ["suspended_by_staff", "system_suspension"]
    assert [one["stayed"] for one in meanwhile["suspensions"]] == [False, False]
    await decided(office, opened, "reversed")
    assert (await office.status(opened))["suspensions"] == []


async def test_e7_an_appeal_is_against_nothing_that_was_ordered_after_it_came(office: Office) -> None:
    opened = await suspended(office)
    came_on = office.later(days=1).date()
    office.later(days=2)
    await order(office, opened, suspension="system")
    assert await filed(office, opened, method=FilingMethod.LETTER, received_on=came_on, actor=SECOND) == 1
    assert [one["stayed"] for one in (await office.status(opened))["suspensions"]] == [True, False]
    await decided(office, opened, "reversed", actor=THIRD)
    (left,) = (await office.status(opened))["suspensions"]
    assert left["cause"] == "system_suspension", "nobody has appealed against it"
    assert await filed(office, opened) == 2


async def test_e7_the_federal_marketplace_lets_a_suspension_stand_meanwhile(office: Office) -> None:
    opened = await office.registered()
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert snapshot.policy.appeal is not None
    assert snapshot.policy.appeal.meanwhile.agreement == "nothing"


async def test_e7_an_appeal_that_is_taken_back_lets_the_suspension_go_on(office: Office) -> None:
    opened = await suspended(office, until="2024-12-04")
    await filed(office, opened)
    office.later(days=10)
    taken_back = (opened.case_id, "assister", "not any more", no_days_off, office.later())
    assert await office.database.write(withdraw_appeal, *taken_back) is None
    after = await office.status(opened)
    assert (after["stage"], after["suspensions"][0]["until"]) == ("suspended", "2024-12-14")
    assert await told(office, opened) == ["appeal_filed", "appeal_withdrawn"]
    await office.database.write(end_terms, opened.case_id, office.later(days=31))
    assert (await office.status(opened))["suspensions"] == []


async def test_e7_an_appeal_is_over_once_what_it_is_against_is(office: Office) -> None:
    opened = await suspended(office)
    await filed(office, opened)
    await office.command(opened, CommandKind.LIFT)
    assert (await office.status(opened))["appeal"]["state"] == "overtaken"
    assert (await office.database.read(read_open_appeals, None, 25)).rows == []
    assert not (await followed(office, opened)).is_open
    assert code(await decided(office, opened, "upheld")) == "no_open_appeal"
    await order(office, opened)
    assert await filed(office, opened) == 2, "it is another suspension"
    await office.command(opened, CommandKind.REVOKE)
    assert await stage(office, opened) == "revoked", "that appeal wasn't against the end"
    assert await filed(office, opened) == 3
    assert await stage(office, opened) == "under_appeal"
    await decided(office, opened, "reversed")
    assert await stage(office, opened) == "certified", "stayed, as it was before the end"
    (listed,) = (await office.database.read(read_open_appeals, None, 25)).rows
    assert listed.number == 2, "what the end had overtaken is to be decided again"
    shown = (await office.status(opened))["appeal"]
    assert (shown["number"], shown["state"]) == (2, "open"), "not the last one, which is decided"


async def test_e5_who_filed_on_behalf_does_not_decide_but_may_take_it_back(office: Office) -> None:
    opened = await denied(office)
    await filed(office, opened, actor=SECOND, method=FilingMethod.LETTER, reason="It came by mail.")
    assert code(await decided(office, opened, "upheld", actor=SECOND.upper())) == "filed_on_behalf"
    taken_back = (opened.case_id, SECOND, "They called.", no_days_off, office.later())
    assert await office.database.write(withdraw_appeal, *taken_back) is None


async def test_e6_who_gives_notice_during_the_appeal_has_decided_too(office: Office) -> None:
    opened = await suspended(office)
    await filed(office, opened)
    notice = {"by": SECOND, "notice_date": "2024-11-04", "last_day": "2024-12-04"}
    await office.fact(opened, FactKind.TERMINATION_NOTICED, notice)
    assert code(await decided(office, opened, "upheld")) == "decided_before"
