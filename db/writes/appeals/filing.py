"""What an appellant does, or staff on behalf: files an appeal, adds evidence, takes it back (E5)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.appeal_tables import AppealFile, AppealRow
from db.tables import Case
from db.writes.appeals.rows import (
    CaseInAppeal,
    audit_appeal,
    find_row,
    follow_facts,
    note_change,
    tell_case,
)
from db.writes.facts import APPEAL_OVERDUE, append_facts, lock_case, unflag_locked_case
from db.writes.submissions import Submission, find_file_number, find_next_number
from domain.shared.business_days import DaysOff
from domain.shared.cases.appeals import (
    AppealFiledData,
    AppealWithdrawnData,
    FilingMethod,
    build_appeal_fact,
    find_answer_day,
    find_open_appeal,
    fold_appeals,
    has_decided,
    list_deciders,
)
from domain.shared.cases.facts import FactKind
from domain.shared.cases.objections import list_stayed
from domain.shared.cases.reasons import Reason
from domain.shared.documents.evidence import MOST_FILES
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import find_day_end, find_time_zone


@dataclass(frozen=True)
class Filing:
    """An appeal as it comes: by whom, how, and on what grounds; ``reason`` is why staff file it on behalf.

    ``received_on`` is the day it was received, where that isn't today: a letter may lie for a day or two.
    """

    case_id: str
    actor: str
    method: FilingMethod
    grounds: str
    reason: str = ""
    received_on: date | None = None


def file_appeal(session: Session, filing: Filing, days_off: DaysOff, now: datetime) -> int | Reason:
    """Files an appeal; its number, or why not, which is audited. Raises `UnknownCase`, `Invalid` for a day to come."""
    case = lock_case(session, filing.case_id)
    view = CaseInAppeal(session, case, days_off, now)
    received_on = filing.received_on or view.today
    if received_on > view.today:
        raise Invalid([Fault("received_on", "in_future")])
    terms, rules = view.find_terms(received_on), view.rules
    if terms.notice_on is not None and received_on < terms.notice_on:
        raise Invalid([Fault("received_on", "before_decision")])
    why = terms.refusal
    if why is None and _has_newer_case(session, case):
        why = Reason("appeal_overtaken")
    if why is not None:
        return view.refuse(session, filing.actor, "filed", why, filing.reason or None)
    assert rules is not None
    assert terms.notice_on is not None
    assert terms.last_day is not None
    first, number = terms.appealed[0], len(fold_appeals(view.log)) + 1
    due_on = find_answer_day(rules, 1, received_on, view.find_days_off(terms.notice_on.year))
    data = AppealFiledData(
        number=number,
        appealed=first.stage,
        decision=first.fact,
        decided_by=list_deciders(view.log),
        notice_on=terms.notice_on,
        last_day=terms.last_day,
        received_on=received_on,
        due_on=due_on,
        method=filing.method,
        by=filing.actor,
        grounds=filing.grounds,
        reason=filing.reason,
        suspensions=terms.suspensions,
        stayed=list_stayed(view.snapshot.state.authority, terms.suspensions, rules),
    )
    fact = build_appeal_fact(case.case_id, FactKind.APPEAL_FILED, data, now, str(number))
    append_facts(session, case, [fact], now)
    tell_case(session, view, data, fact)
    row = AppealRow(
        case_id=case.case_id,
        number=number,
        appealed=first.stage.value,
        state="open",
        filed_at=now,
        due_on=due_on,
        due_at=find_day_end(due_on, find_time_zone(view.snapshot.policy)),
        changed_at=now,
    )
    session.add(row)
    audit_appeal(
        session, view, filing.actor, "filed", filing.reason or filing.grounds, number=number, method=filing.method.value
    )
    return number


def _has_newer_case(session: Session, case: Case) -> bool:
    same = (col(Case.assister_id) == case.assister_id, col(Case.program) == case.program)
    newer = select(col(Case.case_id)).where(
        *same, col(Case.plan_year) == case.plan_year, col(Case.attempt) > case.attempt
    )
    return session.execute(newer.limit(1)).first() is not None


def add_evidence(
    session: Session, case_id: str, submission: Submission, actor: str, days_off: DaysOff, now: datetime
) -> int | Reason:
    """Adds a file to the open appeal; its number, or why not. The same file again is the one that is there."""
    view = CaseInAppeal(session, lock_case(session, case_id), days_off, now)
    appeal = find_open_appeal(view.log)
    if appeal is None:
        return view.refuse(session, actor, "evidence", Reason("no_open_appeal"))
    row = find_row(session, case_id, appeal.number)
    digest, of_appeal = submission.digest, col(AppealFile.appeal_id) == row.id
    if (known := find_file_number(session, AppealFile, digest, of_appeal)) is not None:
        return known
    number = find_next_number(session, AppealFile, of_appeal)
    if number > MOST_FILES:
        return view.refuse(session, actor, "evidence", Reason("evidence_full", {"most": str(MOST_FILES)}))
    assert row.id is not None, "a stored row has an id"
    session.add(AppealFile(appeal_id=row.id, phase=appeal.phase, **submission.describe(number, actor, now)))
    note_change(session, row, now)
    audit_appeal(session, view, actor, "evidence", "", number=appeal.number, file=number, sha256=digest)
    return number


def withdraw_appeal(
    session: Session, case_id: str, actor: str, reason: str, days_off: DaysOff, now: datetime
) -> Reason | None:
    """The appellant doesn't go on: what was appealed stands. Why not, where no appeal is open.

    Nor may who has decided take it back for the appellant: nobody would look at their decision any more.
    """
    case = lock_case(session, case_id)
    view = CaseInAppeal(session, case, days_off, now)
    appeal = find_open_appeal(view.log)
    if appeal is None:
        return view.refuse(session, actor, "withdrawn", Reason("no_open_appeal"), reason)
    if has_decided(view.log, appeal, actor):
        return view.refuse(session, actor, "withdrawn", Reason("withdrawn_by_decider"), reason)
    data = AppealWithdrawnData(number=appeal.number, by=actor, reason=reason, resumed=view.put_off_stayed(appeal))
    fact = build_appeal_fact(case_id, FactKind.APPEAL_WITHDRAWN, data, now, str(appeal.number))
    append_facts(session, case, [fact], now)
    tell_case(session, view, appeal.filed, fact)
    close_row(session, view, appeal.number)
    audit_appeal(session, view, actor, "withdrawn", reason, number=appeal.number)
    return None


def close_row(session: Session, view: CaseInAppeal, number: int) -> None:
    """The row of an appeal after something of it was recorded: its answer isn't late any more."""
    after = CaseInAppeal(session, view.case, lambda _: frozenset(), view.now)
    appeal = next(one for one in fold_appeals(after.log) if one.number == number)
    follow_facts(session, find_row(session, view.case.case_id, number), after, appeal)
    unflag_locked_case(session, view.case, APPEAL_OVERDUE, view.now)
