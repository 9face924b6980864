"""An appeal is decided, goes on to its next phase by itself, or is late; what ended may be opened again (E6)."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from db.appeal_tables import AppealRow
from db.case_state import CaseSnapshot, load_case
from db.tables import SYSTEM
from db.writes.appeals.filing import close_row
from db.writes.appeals.rows import SENT_BACK, CaseInAppeal, audit_appeal, find_row, tell_case
from db.writes.facts import APPEAL_OVERDUE, append_facts, flag_locked_case, lock_case
from db.writes.recovery.restarts import reopen_case
from db.writes.suspensions import settle_rebuttals
from domain.shared.business_days import DaysOff
from domain.shared.cases.appeals import (
    Appeal,
    AppealDecidedData,
    AppealEscalatedData,
    AppealOutcome,
    build_appeal_fact,
    escalates,
    find_answer_day,
    find_decider_refusal,
    find_open_appeal,
    fold_appeals,
    list_set_aside,
)
from domain.shared.cases.authority_commands import build_restoration
from domain.shared.cases.commands import IN_ENGLISH, CommandOrigin, Wording
from domain.shared.cases.facts import Fact, FactKind, FactLog
from domain.shared.cases.messages import AppealRef, AppealStanding, Letter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import Stage
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import AppealRules
from domain.state.certification import CertificationState
from domain.state.commands import build_approval_on_appeal, find_reversal_refusal


@dataclass(frozen=True)
class DecisionOnAppeal:
    """What somebody decides of an appeal, and why; ``effective_on`` is today where it isn't given.

    ``wording`` says how the appellant is told the reason.
    """

    case_id: str
    actor: str
    outcome: AppealOutcome
    reason: str
    effective_on: date | None = None
    wording: Wording = IN_ENGLISH


def decide_appeal(
    session: Session, decision: DecisionOnAppeal, days_off: DaysOff, now: datetime
) -> AppealOutcome | Reason:
    """Decides the open appeal in the phase it is in, or says why not, which is audited.

    An end that is set aside opens the case again where it stood, a suspension that is not upheld is lifted; what is
    sent back waits for the first reviewers.
    Raises `UnknownCase`, and `Invalid` for a day that it can't be effective on.
    """
    case = lock_case(session, decision.case_id)
    view = CaseInAppeal(session, case, days_off, now)
    appeal, rules = find_open_appeal(view.log), view.rules
    if appeal is None or rules is None:
        return view.refuse(session, decision.actor, "decided", Reason("no_open_appeal"), decision.reason)
    why = find_decider_refusal(view.log, appeal, decision.actor) or _find_reversal_refusal(view, appeal, decision)
    if why is not None:
        return view.refuse(session, decision.actor, "decided", why, decision.reason)
    facts = _build_facts(view, appeal, decision, rules)
    state = append_facts(session, case, facts, now)
    tell_case(session, view, appeal.filed, facts[0])
    close_row(session, view, appeal.number)
    said = {"number": appeal.number, "phase": appeal.phase, "outcome": decision.outcome.value}
    said |= decision.wording.list_given()
    audit_appeal(session, view, decision.actor, "decided", decision.reason, **said)
    if view.snapshot.state.ended and not state.ended:
        reopen_case(session, case, decision.actor, decision.reason, now)
    if decision.outcome is AppealOutcome.SENT_BACK and appeal.filed.appealed is not Stage.DENIED:
        flag_locked_case(session, case, SENT_BACK, now)
    settle_rebuttals(session, case, now)
    return decision.outcome


def plan_decision(
    session: Session, decision: DecisionOnAppeal, days_off: DaysOff, now: datetime
) -> tuple[CaseSnapshot, Letter]:
    """The case as a decision would leave it, and the letter that would tell of it, which may be of the next phase.

    Nothing is written; whether this person may decide isn't judged. Raises `UnknownCase`, `Refusal` where no appeal is
    open, and `Invalid` as `decide_appeal`.
    """
    view = CaseInAppeal(session, load_case(session, decision.case_id), days_off, now)
    appeal, rules = find_open_appeal(view.log), view.rules
    if appeal is None or rules is None:
        raise Refusal(Reason("no_open_appeal"))
    condensed = view.snapshot.condensed
    facts = (*condensed.facts, *_build_facts(view, appeal, decision, rules))
    then = CaseSnapshot(view.case, view.snapshot.policy, replace(condensed, facts=facts))
    ref = AppealRef(case_id=decision.case_id, number=appeal.number, at=now)
    return then, _list_letters(_find_appeal(FactLog(facts), appeal.number), ref)[-1]


def _find_reversal_refusal(view: CaseInAppeal, appeal: Appeal, decision: DecisionOnAppeal) -> Reason | None:
    """Why a denial can't be turned into an approval here: what an override doesn't reach is the first reviewers'."""
    state = view.snapshot.state
    if decision.outcome is not AppealOutcome.REVERSED or appeal.filed.appealed is not Stage.DENIED:
        return None
    assert isinstance(state, CertificationState), "registrations aren't denied"
    if not view.case.identity_matches:
        return Reason("reversal_by_first_reviewers")
    return find_reversal_refusal(state, decision.reason)


def _build_facts(view: CaseInAppeal, appeal: Appeal, decision: DecisionOnAppeal, rules: AppealRules) -> list[Fact]:
    effective_on = decision.effective_on or view.today
    if effective_on > view.today:
        raise Invalid([Fault("effective_on", "in_future")])
    if effective_on < appeal.filed.notice_on:
        raise Invalid([Fault("effective_on", "before_decision")])
    goes_on = escalates(decision.outcome, appeal.phase, rules)
    stands, is_of_end = decision.outcome is AppealOutcome.UPHELD, not appeal.filed.suspensions
    decided = AppealDecidedData(
        number=appeal.number,
        phase=appeal.phase,
        outcome=decision.outcome,
        by=decision.actor,
        reason=decision.reason,
        **_describe_told(view, decision),
        effective_on=effective_on,
        final=not goes_on,
        sets_aside=list_set_aside(view.log, appeal.filed.decision) if is_of_end and not stands else (),
        resumed=view.put_off_stayed(appeal) if stands and not goes_on else (),
    )
    case_id, part = view.case.case_id, f"{appeal.number}.{appeal.phase}"
    facts = [build_appeal_fact(case_id, FactKind.APPEAL_DECIDED, decided, view.now, part)]
    if goes_on:
        facts.append(_build_escalation(view, appeal, rules, overdue=False))
    if decision.outcome is AppealOutcome.REVERSED and appeal.filed.appealed is Stage.DENIED:
        facts += _approve(view, decision, part)
    return facts if stands else [*facts, *_lift(view, appeal, decision, part)]


def _lift(view: CaseInAppeal, appeal: Appeal, decision: DecisionOnAppeal, part: str) -> list[Fact]:
    """What is not upheld of suspensions is lifted; those that were lifted meanwhile, or are over, are so already."""
    origin = CommandOrigin(f"appeal:{part}", view.case.case_id, decision.actor, decision.reason, view.now)
    appealed = (
        one for one in view.snapshot.state.authority.suspensions if one.suspension_id in appeal.filed.suspensions
    )
    told = _describe_told(view, decision)
    return [build_restoration(one, origin, told) for one in appealed]


def _describe_told(view: CaseInAppeal, decision: DecisionOnAppeal) -> dict[str, Any]:
    """How the appellant is told the reason, as facts have it."""
    return decision.wording.describe_to(view.snapshot.applicant.language)


def _approve(view: CaseInAppeal, decision: DecisionOnAppeal, part: str) -> list[Fact]:
    """A denial that is reversed is an approval."""
    state = view.snapshot.state
    assert isinstance(state, CertificationState), "registrations aren't denied"
    command_id = f"appeal:{view.case.case_id}:{part}"
    origin = CommandOrigin(command_id, view.case.case_id, decision.actor, decision.reason, view.now)
    return build_approval_on_appeal(origin, state, view.snapshot.applicant.language)


def _build_escalation(view: CaseInAppeal, appeal: Appeal, rules: AppealRules, *, overdue: bool) -> Fact:
    phase = appeal.phase + 1
    due_on = find_answer_day(rules, phase, view.today, view.find_days_off(view.today.year))
    data = AppealEscalatedData(number=appeal.number, phase=phase, due_on=due_on, overdue=overdue)
    part = f"{appeal.number}.{phase}"
    return build_appeal_fact(view.case.case_id, FactKind.APPEAL_ESCALATED, data, view.now, part)


def follow_appeal(session: Session, ref: AppealRef, days_off: DaysOff, now: datetime) -> AppealStanding:
    """Where an appeal stands; if its clock has run out it goes on to its next phase, or staff are told that it is late.

    Answered to its workflow, which sleeps until the next clock runs out; so it may be asked any number of times.
    """
    case = lock_case(session, ref.case_id)
    row = find_row(session, ref.case_id, ref.number)
    session.refresh(row)
    if row.state == "open" and row.overdue_at is None and now >= row.due_at:
        _end_phase(session, CaseInAppeal(session, case, days_off, now), row)
    view = CaseInAppeal(session, case, days_off, now)
    appeal = _find_appeal(view.log, ref.number)
    return AppealStanding(
        version=row.version,
        is_open=appeal.is_open,
        phase=appeal.phase,
        due_at=row.due_at if appeal.is_open and row.overdue_at is None else None,
        letters=_list_letters(appeal, ref),
    )


def _find_appeal(log: FactLog, number: int) -> Appeal:
    return next(one for one in fold_appeals(log) if one.number == number)


def _end_phase(session: Session, view: CaseInAppeal, row: AppealRow) -> None:
    """An answer that didn't come in time: the next phase begins by itself; in the last one staff are told."""
    appeal, rules = _find_appeal(view.log, row.number), view.rules
    if rules is not None and appeal.phase < len(rules.phases):
        append_facts(session, view.case, [_build_escalation(view, appeal, rules, overdue=True)], view.now)
        close_row(session, view, row.number)
        audit_appeal(session, view, SYSTEM, "escalated", "", number=row.number, phase=appeal.phase + 1)
        return
    row.overdue_at = view.now
    session.add(row)
    flag_locked_case(session, view.case, APPEAL_OVERDUE, view.now)


def _list_letters(appeal: Appeal, ref: AppealRef) -> list[Letter]:
    """What the appellant has to be told so far; each is sent once, by its key."""
    told = [(Notice.APPEAL_FILED, 1)]
    told += [(Notice.APPEAL_ESCALATED, one.phase) for one, _ in appeal.escalations]
    told += [(Notice.APPEAL_DECIDED, one.phase) for one, _ in appeal.decisions if one.final]
    return [
        Letter(case_id=ref.case_id, at=ref.at, notice=notice, about=f"{appeal.number}.{phase}")
        for notice, phase in told
    ]


def note_told(session: Session, case_id: str, number: int, version: int) -> None:
    """The workflow of an appeal has been told of this version."""
    row = find_row(session, case_id, number)
    session.refresh(row)
    row.told = max(row.told, version)
    session.add(row)
