"""What the workflow of a case of either program is told of a fact that was recorded."""

from domain.programs.state import CaseState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import RegistrationSnapshot, Report
from domain.state.certification import CertificationState
from domain.state.facts import BackgroundReportedData, ExamAttemptedData


def describe_fact(case_id: str, fact: Fact, snapshot: RegistrationSnapshot | None, state: CaseState) -> Report:
    """The fact with the verdict recorded in it; of a federal registration what its facts came to, too.

    A passed exam counts once the NPN is proven (D2): where that comes later, it is the proof that tells of the exam.
    """
    if isinstance(state, CertificationState):
        if fact.kind is FactKind.NPN_PROVEN and state.has_earned_certificate:
            return Report(case_id=case_id, fact_id=fact.id, kind=FactKind.EXAM_ATTEMPTED, passed=True)
        if fact.kind is FactKind.EXAM_ATTEMPTED and state.opening.npn_unproven:
            return Report(case_id=case_id, fact_id=fact.id, kind=fact.kind, passed=False)
    return Report(case_id=case_id, fact_id=fact.id, kind=fact.kind, passed=_is_good(fact), standing=snapshot)


def _is_good(fact: Fact) -> bool:
    """Whether the exam was passed, or the background check is clear; no other fact has a verdict."""
    if fact.kind is FactKind.EXAM_ATTEMPTED:
        return fact.read_as(ExamAttemptedData).passed
    return fact.kind is FactKind.BACKGROUND_REPORTED and fact.read_as(BackgroundReportedData).result == "clear"
