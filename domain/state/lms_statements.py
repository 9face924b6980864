"""What the exchange's LMS reports, checked against the case's policy (A17, A20–A22, C4)."""

from datetime import datetime

from domain.shared.cases.facts import Fact, FactData, FactKind
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.statements import VERBS, Statement, find_actor_faults
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


def build_lms_fact(statement: Statement, policy: Policy, accounts: frozenset[str], received_at: datetime) -> Fact:
    """The fact a statement reports of its case. ``accounts`` are the names the person has in the LMS.

    Raises `Invalid` naming actor, verb, object or score where it doesn't fit the case or its policy (C4, A20).
    """
    faults = find_actor_faults(statement, policy.lms.home_page, accounts)
    kind = _find_kind(statement, policy.lms, faults)
    data = FactData()
    if kind is FactKind.EXAM_ATTEMPTED:
        try:
            score = exam.parse_score(statement.result)
            passed = exam.is_pass(score, policy.pass_mark)
            data = ExamAttemptedData(event_id=statement.id, score=exam.format_score(score), passed=passed)
        except Invalid as invalid:
            faults.extend(invalid.faults)
    if faults or kind is None:
        raise Invalid(faults)
    return Fact(id=f"lms:{statement.id}", kind=kind, at=statement.timestamp or received_at, data=data.to_json())


def _find_kind(statement: Statement, ids: LmsIds, faults: list[Fault]) -> FactKind | None:
    """The fact's kind; otherwise the fault of the field that is off: an unknown verb, or another year's activity."""
    verb = statement.verb.removeprefix(VERBS)
    if not any(known == verb for known, _ in MEANING) or verb == statement.verb:
        faults.append(Fault("verb.id", "not_understood"))
        return None
    role = next(
        (name for name in LmsIds.model_fields if name != "home_page" and getattr(ids, name) == statement.object_id),
        None,
    )
    if role is None:
        faults.append(Fault("object.id", "mismatch"))
        return None
    kind = MEANING.get((verb, role))
    if kind is None:
        faults.append(Fault("object.id", "not_understood"))
    return kind
