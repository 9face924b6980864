"""What the MLMS reports of a federal registration, checked against its policy (B12, B13)."""

from datetime import datetime

from domain.federal.facts import CourseData
from domain.federal.markets import MLMS
from domain.federal.policy import FederalPolicy
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.statements import Statement, find_actor_faults
from domain.shared.senders import ReportKind, Sender, check_report

# The federal program has no exam: the course's completion suffices (B12).
COURSE_MEANING = {"initialized": FactKind.COURSE_STARTED, "completed": FactKind.COURSE_COMPLETED}


def build_course_fact(
    statement: Statement,
    policy: FederalPolicy,
    sender: Sender,
    accounts: frozenset[str],
    received_at: datetime,
    email: str = "",
) -> Fact:
    """The fact a statement of the MLMS reports of a federal registration (B12, B13).

    Raises `Invalid` naming actor, verb or object where it doesn't fit the registration or its policy, and
    `ForbiddenReport` where the sender may not report this.
    """
    check_report(sender, policy.program, ReportKind.TRAINING)
    faults = find_actor_faults(statement, sender.home_page or policy.mlms.home_page, accounts, email)
    found = (COURSE_MEANING.get(meaning) for meaning in statement.meanings)
    kind = next((one for one in found if one is not None), None)
    if kind is None:
        faults.append(Fault(statement.dialect.outcome[0], "not_understood"))
    activity = sender.activities.get(statement.object_id, statement.object_id)
    curriculum = next((one for one, course in policy.mlms.courses.items() if course == activity), None)
    if curriculum is None:
        faults.append(Fault(statement.activity_field, "mismatch"))
    if faults or kind is None or curriculum is None:
        raise Invalid(faults)
    data = CourseData(curriculum=curriculum, channel=MLMS).to_json()
    at = min(statement.timestamp or received_at, received_at)  # a sender's fast clock puts off no due date
    return Fact(id=f"lms:{statement.id}", kind=kind, at=at, data=data)
