"""What the MLMS reports of a federal registration, checked against its policy (B12, B13)."""

from datetime import datetime

from domain.federal.facts import CourseData
from domain.federal.markets import MLMS
from domain.federal.policy import FederalPolicy
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.statements import VERBS, Statement, find_actor_faults

# The federal program has no exam: the course's completion suffices (B12).
COURSE_MEANING = {"initialized": FactKind.COURSE_STARTED, "completed": FactKind.COURSE_COMPLETED}


def build_course_fact(
    statement: Statement, policy: FederalPolicy, accounts: frozenset[str], received_at: datetime
) -> Fact:
    """The fact a statement of the MLMS reports of a federal registration (B12, B13).

    Raises `Invalid` naming actor, verb or object where it doesn't fit the registration or its policy.
    """
    faults = find_actor_faults(statement, policy.mlms.home_page, accounts)
    verb = statement.verb.removeprefix(VERBS)
    kind = COURSE_MEANING.get(verb) if verb != statement.verb else None
    if kind is None:
        faults.append(Fault("verb.id", "not_understood"))
    curriculum = next((one for one, course in policy.mlms.courses.items() if course == statement.object_id), None)
    if curriculum is None:
        faults.append(Fault("object.id", "mismatch"))
    if faults or kind is None or curriculum is None:
        raise Invalid(faults)
    data = CourseData(curriculum=curriculum, channel=MLMS).to_json()
    at = min(statement.timestamp or received_at, received_at)  # a sender's fast clock puts off no due date
    return Fact(id=f"lms:{statement.id}", kind=kind, at=at, data=data)
