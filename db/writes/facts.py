"""What every write shares: a case is locked, facts are appended and folded, flags go up and down; and the audit row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.appeal_tables import AppealRow
from db.case_state import (
    CaseSnapshot,
    UnknownCase,
    condense_case,
    list_flags,
    list_rows,
    one_or_none,
    snapshot_case,
)
from db.desk_tables import CaseAssignment
from db.tables import SYSTEM, Assister, AuditRow, Case, CondensedRow, FactRow, InboxRow, StageEntry
from domain.federal.registration import RegistrationState
from domain.federal.steps import build_completion_facts
from domain.programs.state import CaseState
from domain.shared.cases.appeals import AppealState
from domain.shared.cases.condensing import RULE, CondensedFacts
from domain.shared.cases.events import EventSource, EventState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDED, OWNER, WaitingFor
from domain.state.adverse_actions import ADVERSE_FACTS, build_following_facts
from domain.state.certification import CertificationState, EligibilityStatus
from domain.state.eligibility import ChecksOutcome, judge_checks, summarize_checks
from domain.state.lapses import list_completion_facts

STAFF, DECISION = "staff", "decision"
# The flag of a case whose appeal is not answered in time.
APPEAL_OVERDUE = "appeal_overdue"
MAIL_REFUSED = "mail_refused"
# The end of the name of a flag about an activity that keeps failing.
STUCK = ".stuck"
# The flag of a case whose workflow fails, or goes by other facts, and can't be begun again by itself.
WORKFLOW_STUCK = "workflow_stuck"
_LOCKED = "locked cases"

# Statements that most units make, built once.
_LOCK = select(Case).where(col(Case.case_id) == bindparam("case_id")).with_for_update()
_STORED = select(col(FactRow.id)).where(
    col(FactRow.id).in_(bindparam("ids", expanding=True)), col(FactRow.case_id) == bindparam("case_id")
)
_OPEN_STAGE = select(StageEntry).where(
    col(StageEntry.case_id) == bindparam("case_id"), col(StageEntry.left_at).is_(None)
)

_LMS_ACCOUNT = frozenset({FactKind.LMS_REGISTERED})
_PORTAL_ACCOUNT = frozenset({FactKind.PORTAL_REGISTERED, FactKind.PORTAL_ACTIVATED, FactKind.PORTAL_ACCOUNT_REUSED})


def lock_case(session: Session, case_id: str) -> Case:
    """The case, locked until the transaction ends. Raises `UnknownCase`.

    Units are made of others, each of which locks what it writes to: the database is asked once a transaction.
    """
    locked: dict[str, Case] = session.info.setdefault(_LOCKED, {})
    if case_id not in locked:
        case = one_or_none(session, _LOCK, case_id=case_id)
        if case is None:
            raise UnknownCase(case_id)
        locked[case_id] = case
    return locked[case_id]


def record_audit(
    session: Session,
    at: datetime,
    actor: str,
    action: str,
    case: Case,
    reason: str | Reason | None = None,
    **details: Any,
) -> None:
    """Adds who did what, when and why.

    A `Reason`, as the reason or as one of the details, is kept as its sentence and in codes; there is one at most.
    """
    coded = next((one for one in (reason, *details.values()) if isinstance(one, Reason)), None)
    session.add(
        AuditRow(
            at=at,
            actor=actor,
            action=action,
            case_id=case.case_id,
            assister_id=case.assister_id,
            reason=_in_words(reason),
            details={name: _in_words(value) for name, value in details.items()},
            reason_code=coded.code if coded else None,
            reason_details=dict(coded.details) if coded else None,
        )
    )


def record_person_audit(
    session: Session,
    at: datetime,
    actor: str,
    action: str,
    assister_id: str | None,
    reason: str | Reason | None = None,
    **details: Any,
) -> None:
    """Adds who did what, when and why, about a person where no case is known; `record_audit` says it of a case."""
    coded = reason if isinstance(reason, Reason) else None
    session.add(
        AuditRow(
            at=at,
            actor=actor,
            action=action,
            assister_id=assister_id,
            reason=_in_words(reason),
            details=details,
            reason_code=coded.code if coded else None,
            reason_details=dict(coded.details) if coded else None,
        )
    )


def _in_words(value: Any) -> Any:
    return value.sentence() if isinstance(value, Reason) else value


def append_facts(session: Session, case: Case, facts: Sequence[Fact], now: datetime) -> CaseState:
    """Appends the facts that are not there yet and folds anew; the case's stage and wait follow.

    With the last step of a federal market goes the fact that the market is complete: later versions of an agreement
    don't take it back. With what settles a case, or takes the ground away from an adverse action, goes the fact that
    this has ended; with what completes the training of a lapsed case, that it is reactivated. What the federal lists
    say of such a case is staged anew.
    """
    return append_to_case(session, case, facts, now).state


def append_to_case(session: Session, case: Case, facts: Sequence[Fact], now: datetime) -> CaseSnapshot:
    """The same; answers the case as it is then, with these facts among those its fold needs."""
    before = snapshot_case(session, case)
    fresh = _list_fresh(session, case.case_id, facts)
    after = _add_facts(before, fresh)
    if isinstance(after.state, RegistrationState):
        case.unpublished = True
        if completed := build_completion_facts(case.case_id, after.state):
            fresh += completed
            for fact in completed:
                record_audit(session, now, SYSTEM, "market.completed", case, **fact.data)
            after = _add_facts(before, fresh)
    elif followed := _build_following_facts(case.case_id, after.state, now):
        fresh += followed
        audit_adverse_facts(session, case, followed, now)
        for fact in followed:
            if fact.kind is FactKind.TRAINING_REACTIVATED:
                record_audit(session, now, SYSTEM, "training.reactivated", case, **fact.data)
        after = _add_facts(before, fresh)
    for fact in fresh:
        session.add(
            FactRow(id=fact.id, case_id=case.case_id, kind=fact.kind, at=fact.at, data=fact.data, recorded_at=now)
        )
    if fresh:
        session.flush()
        _keep_condensed(session, case, after.condensed)
    state = after.state
    _follow_overtaken(session, case, before.state, state, now)
    if case.stage != state.stage or not before.condensed.total:
        _enter_stage(session, case, state.stage, now)
    if state.stage in ENDED and case.stage not in ENDED:
        _lower_stuck_flags(session, case, now)
    if case.waiting_for == WaitingFor.DECISION != state.waiting_for:
        session.execute(delete(CaseAssignment).where(col(CaseAssignment.case_id) == case.case_id))
    case.stage = state.stage
    case.waiting_for = state.waiting_for
    case.waiting_since = state.waiting_since
    draw_attention(case)
    _draw_checks(case, state)
    session.add(case)
    _remember_accounts(session, case, fresh)
    return after


def audit_adverse_facts(session: Session, case: Case, facts: Iterable[Fact], now: datetime) -> None:
    """Audits those facts of an adverse action among these that follow by themselves (E8)."""
    for fact in facts:
        if fact.kind in ADVERSE_FACTS:
            what = fact.kind.value.replace("_action_", "_action.", 1)
            record_audit(session, now, SYSTEM, what, case, **fact.data)


def _follow_overtaken(session: Session, case: Case, before: CaseState, after: CaseState, now: datetime) -> None:
    """The rows of appeals that what was just appended has overtaken, or has opened again; their workflows are told."""
    states = {one.number: one.state for one in before.appeals}
    changed = {one.number: one.state for one in after.appeals if states.get(one.number, one.state) is not one.state}
    for number, state in changed.items():
        if AppealState.OVERTAKEN not in (state, states[number]):
            continue  # whoever decides it, or takes it back, writes its row
        of_appeal = (col(AppealRow.case_id) == case.case_id, col(AppealRow.number) == number)
        for row in list_rows(session, select(AppealRow).where(*of_appeal)):
            row.state, row.version, row.changed_at = state.value, row.version + 1, now
            session.add(row)
        unflag_locked_case(session, case, APPEAL_OVERDUE, now)


def _build_following_facts(case_id: str, state: CertificationState, now: datetime) -> list[Fact]:
    """What becomes of an adverse action by what was just appended (E8), and of a lapse (E14)."""
    denied = state.eligibility is EligibilityStatus.DENIED
    settled = state.position.stage in ENDED or state.eligibility is EligibilityStatus.APPROVED
    over = [] if state.ended else list_completion_facts(case_id, state.lapse, now)
    about_action = build_following_facts(
        case_id, state.adverse_action, state.check, denied=denied, settled=settled, at=now
    )
    return [*about_action, *over]


def _list_fresh(session: Session, case_id: str, facts: Sequence[Fact]) -> list[Fact]:
    """Those of the facts that aren't stored yet; looked up by their ids, however many the case has."""
    stored = set(list_rows(session, _STORED, ids=[fact.id for fact in facts], case_id=case_id))
    return [fact for fact in facts if fact.id not in stored]


def _add_facts(before: CaseSnapshot, fresh: Sequence[Fact]) -> CaseSnapshot:
    facts = CondensedFacts((*before.facts, *fresh), before.condensed.total + len(fresh))
    return CaseSnapshot(before.case, before.policy, facts)


def _keep_condensed(session: Session, case: Case, facts: CondensedFacts) -> None:
    """Keeps the facts that the next fold needs; those kept before went with the first fresh fact, by a trigger."""
    kept = condense_case(case, facts.facts, facts.total - len(facts.facts))
    row = {
        "case_id": case.case_id,
        "rule": RULE,
        "total": kept.total,
        "facts": [fact.model_dump(mode="json") for fact in kept.facts],
    }
    session.connection().execute(insert(CondensedRow), row)


def _enter_stage(session: Session, case: Case, stage: str, now: datetime) -> None:
    """Notes when the case came into a stage, and left the one before; clocks that differ make no time negative."""
    before = one_or_none(session, _OPEN_STAGE, case_id=case.case_id)
    at = max(now, before.entered_at) if before else now
    if before is not None:
        before.left_at = at
        session.add(before)
    session.add(StageEntry(case_id=case.case_id, stage=stage, entered_at=at))


def raise_flag(case: Case, what: str, now: datetime) -> bool:
    """Puts a case before staff's eyes; whether it is new to them: a flag that is up already stays as it is."""
    flags = list_flags(case)
    if what in flags:
        return False
    _store_flags(case, {**flags, what: now})
    return True


def flag_locked_case(session: Session, case: Case, what: str, now: datetime) -> None:
    """Puts a case that the caller has locked before staff's eyes; audited once while the flag is up."""
    if raise_flag(case, what, now):
        session.add(case)
        record_audit(session, now, SYSTEM, f"case.flagged.{what}", case)


def unflag_locked_case(session: Session, case: Case, what: str, now: datetime) -> None:
    """Takes a flag of a case that the caller has locked down, which is audited; one that isn't up stays unsaid."""
    if lower_flag(case, what):
        session.add(case)
        record_audit(session, now, SYSTEM, f"case.unflagged.{what}", case)


def queue_fact(session: Session, case: Case, fact: Fact, source: EventSource, now: datetime) -> InboxRow:
    """Leaves a fact that was recorded here, with no body of its own, to be told to the case's workflow."""
    row = InboxRow(
        source=source,
        event_id=fact.id,
        case_id=case.case_id,
        kind=fact.kind,
        digest="",
        fact_id=fact.id,
        state=EventState.PENDING,
        received_at=now,
    )
    session.add(row)
    return row


def lower_flag(case: Case, what: str) -> bool:
    """Takes a flag down, others stay; whether it was up."""
    flags = list_flags(case)
    if flags.pop(what, None) is None:
        return False
    _store_flags(case, flags)
    return True


def _store_flags(case: Case, flags: dict[str, datetime]) -> None:
    first = next(iter(flags), None)
    case.flag, case.flagged_at = first, flags.pop(first) if first else None
    case.further_flags = [[what, at.isoformat()] for what, at in flags.items()] or None
    draw_attention(case)


def _lower_stuck_flags(session: Session, case: Case, now: datetime) -> None:
    """What was still tried when the case ended isn't tried any more, so that no success will take its flag down."""
    for flag in list_flags(case):
        if flag.endswith(STUCK) or flag == WORKFLOW_STUCK:
            unflag_locked_case(session, case, flag, now)


def draw_attention(case: Case) -> None:
    """Why staff should look at a case, and since when: the flag, or a decision; follows from the flag and the wait."""
    decides = case.waiting_for is not None and OWNER[WaitingFor(case.waiting_for)] == STAFF
    case.attention = case.flag or (DECISION if decides else None)
    since = (case.waiting_since if decides else case.flagged_at) or case.opened_at
    case.attention_since = since if case.attention else None


def _draw_checks(case: Case, state: CaseState) -> None:
    """What who decides on a case sees of its checks in lists; of one that waits for no decision there is nothing."""
    case.finding, case.checks = ChecksOutcome.WITHOUT.value, None
    if isinstance(state, CertificationState) and state.waiting_for is WaitingFor.DECISION:
        case.finding = judge_checks(state.findings, state.round).value
        case.checks = summarize_checks(state.findings).model_dump(mode="json")


def _remember_accounts(session: Session, case: Case, facts: Iterable[Fact]) -> None:
    """A person's accounts outlive the case: next year's case finds them, the portal's by its last case (A9, A11)."""
    kinds = {fact.kind for fact in facts}
    if not kinds & (_LMS_ACCOUNT | _PORTAL_ACCOUNT):
        return
    assister = session.get_one(Assister, case.assister_id)
    if kinds & _LMS_ACCOUNT:
        assister.lms_account = assister.lms_account or case.assister_id
    if kinds & _PORTAL_ACCOUNT:
        assister.portal_account = case.case_id
    session.add(assister)
