"""What the exchange's LMS reports, checked against the case's policy (A17, A20–A22, C4)."""

from datetime import datetime

from domain.shared.cases.facts import Fact, FactData, FactKind
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.statements import Statement, find_actor_faults
from domain.shared.senders import ReportKind, Sender, check_report
from domain.state import exam
from domain.state.facts import ExamAttemptedData
from domain.state.policy import LmsIds, Policy

MEANING: dict[tuple[str, str], FactKind] = {
    ("registered", "account_id"): FactKind.LMS_REGISTERED,
    ("completed", "profile_id"): FactKind.LMS_PROFILE_COMPLETED,
    ("initialized", "course_id"): FactKind.COURSE_STARTED,
    ("completed", "course_id"): FactKind.COURSE_COMPLETED,
    ("passed", "exam_id"): FactKind.EXAM_ATTEMPTED,
    ("failed", "exam_id"): FactKind.EXAM_ATTEMPTED,
    ("scored", "exam_id"): FactKind.EXAM_ATTEMPTED,
}


def build_lms_fact(
    statement: Statement,
    policy: Policy,
    sender: Sender,
    accounts: frozenset[str],
    received_at: datetime,
    email: str = "",
) -> Fact:
    """The fact a statement reports of its case. ``accounts`` are the names the person has in the LMS.

    Raises `Invalid` naming actor, verb, object or score where it doesn't fit the case or its policy (C4, A20), and
    `ForbiddenReport` where the sender may not report this.
    """
    faults = find_actor_faults(statement, sender.home_page or policy.lms.home_page, accounts, email)
    kind = _find_kind(statement, policy.lms, sender, faults)
    if kind is not None:
        is_exam = kind is FactKind.EXAM_ATTEMPTED
        check_report(sender, policy.program, ReportKind.EXAM if is_exam else ReportKind.TRAINING)
    data = FactData()
    if kind is FactKind.EXAM_ATTEMPTED:
        try:
            data = _read_attempt(statement, policy)
        except Invalid as invalid:
            faults.extend(invalid.faults)
    if faults or kind is None:
        raise Invalid(faults)
    at = min(statement.timestamp or received_at, received_at)  # nothing happened after we heard of it (P6)
    return Fact(id=f"lms:{statement.id}", kind=kind, at=at, data=data.to_json())


def _read_attempt(statement: Statement, policy: Policy) -> ExamAttemptedData:
    dialect = statement.dialect
    field = "score" if dialect.result == "@" else f"{dialect.result or 'result'}.score"
    score = exam.parse_score(statement.result, dialect.scaled, field)
    passed = exam.is_pass(score.value, policy.pass_mark)
    shown = exam.format_score(score.value)
    return ExamAttemptedData(event_id=statement.id, score=shown, passed=passed, witness=score.witness.value)


def list_lms_activities(policy: Policy) -> frozenset[str]:
    """The activities by which a plan year is told from another."""
    return frozenset({policy.lms.course_id, policy.lms.exam_id})


def _find_kind(statement: Statement, ids: LmsIds, sender: Sender, faults: list[Fault]) -> FactKind | None:
    """The fact's kind; otherwise the fault of the field that is off: an unknown verb, or another year's activity."""
    if not statement.meanings:
        faults.append(Fault(statement.dialect.outcome[0], "not_understood"))
        return None
    activity = sender.activities.get(statement.object_id, statement.object_id)
    role = next(
        (name for name in LmsIds.model_fields if name != "home_page" and getattr(ids, name) == activity),
        None,
    )
    if role is None:
        faults.append(Fault(statement.activity_field, "mismatch"))
        return None
    found = (MEANING.get((meaning, role)) for meaning in statement.meanings)
    kind = next((one for one in found if one is not None), None)
    if kind is None:
        faults.append(Fault(statement.activity_field, "not_understood"))
    return kind
