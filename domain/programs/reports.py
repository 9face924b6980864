"""What the workflow of a case of either program is told of a fact that was recorded."""

from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import RegistrationSnapshot, Report
from domain.state.facts import BackgroundReportedData, ExamAttemptedData


def describe_fact(case_id: str, fact: Fact, snapshot: RegistrationSnapshot | None) -> Report:
    """The fact with the verdict recorded in it; of a federal registration what its facts came to, too."""
    return Report(case_id=case_id, fact_id=fact.id, kind=fact.kind, passed=_is_good(fact), standing=snapshot)


def _is_good(fact: Fact) -> bool:
    """Whether the exam was passed, or the background check is clear; no other fact has a verdict."""
    if fact.kind is FactKind.EXAM_ATTEMPTED:
        return fact.read_as(ExamAttemptedData).passed
    return fact.kind is FactKind.BACKGROUND_REPORTED and fact.read_as(BackgroundReportedData).result == "clear"
