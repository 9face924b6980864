"""What the workflow of a case of either program is told of a fact that was recorded."""

from domain.federal.registration import RegistrationState
from domain.programs.state import CaseState
from domain.shared.facts import Fact
from domain.shared.messages import Report


def describe_fact(case_id: str, fact: Fact, state: CaseState) -> Report:
    """The fact with the verdict recorded in it; of a federal registration what its facts came to, too."""
    passed = bool(fact.data.get("passed") or fact.data.get("result") == "clear")
    snapshot = state.take_snapshot() if isinstance(state, RegistrationState) else None
    return Report(case_id=case_id, fact_id=fact.id, kind=fact.kind, passed=passed, standing=snapshot)
