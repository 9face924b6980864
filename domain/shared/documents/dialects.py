"""How each learning management system says what it reports: where the exam, person, case, score and time are (P10).

A dialect is data. Whoever reports otherwise gets one more entry in `DIALECTS`, not one more reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

VERBS = "http://adlnet.gov/expapi/verbs/"
_UNDERSTOOD = ("registered", "initialized", "completed", "passed", "failed", "scored")


class ScaledRange(StrEnum):
    """From where to where ``scaled`` goes."""

    UNIT = "unit"
    """As xAPI has it: 0.8 is 80 %."""
    SIGNED = "signed"
    """From −1 for the smallest mark to 1 for the largest: 0.6 is 80 %."""
    PERCENT = "percent"
    """From 0 to 100."""


def _understand_verbs(**others: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {f"{VERBS}{verb}": others.get(verb, (verb,)) for verb in _UNDERSTOOD}


@dataclass(frozen=True)
class Dialect:
    """Where in a report what stands, as dotted paths (a number is a place in a list); empty where it isn't said.

    ``reports`` is the list of them in a body that is none itself. ``activity`` and ``timestamp`` are tried in order.
    ``outcomes`` says what a value at one of the paths ``outcome`` may mean, in xAPI's verbs: the first that its
    activity has. Without ``id`` a report goes by its content, without ``case`` by its person and activity.
    ``numbered``: the id is of the whole body, so that each report of it has its number besides.
    """

    name: str
    reports: str = ""
    numbered: bool = False
    id: str = "id"
    case: str = "context.registration"
    home_page: str = "actor.account.homePage"
    account: str = "actor.account.name"
    mailbox: str = "actor.mbox"
    activity: tuple[str, ...] = ("object.id",)
    outcome: tuple[str, ...] = ("verb.id",)
    outcomes: Mapping[str, tuple[str, ...]] = field(default_factory=_understand_verbs)
    result: str = "result"
    scaled: ScaledRange = ScaledRange.UNIT
    timestamp: tuple[str, ...] = ("timestamp",)


XAPI = Dialect(name="xapi")

DIALECTS: Mapping[str, Dialect] = {
    one.name: one
    for one in (
        XAPI,
        # logstore_xapi: a quiz that was finished is *completed*, never passed; the object is the attempt, the exam its
        # parent; the registration is that of the session, so that the person and the exam say whose case it is.
        Dialect(
            name="moodle",
            case="",
            activity=("context.contextActivities.parent.0.id", "object.id"),
            outcomes=_understand_verbs(completed=("completed", "scored")),
            scaled=ScaledRange.SIGNED,
        ),
        # SCORM Cloud's postback of a registration, which is made under the case's id.
        Dialect(
            name="scorm-cloud",
            id="",
            case="id",
            home_page="",
            account="learner.id",
            mailbox="",
            activity=("course.id",),
            outcome=("registrationSuccess", "registrationCompletion"),
            outcomes={"PASSED": ("passed",), "FAILED": ("failed",), "COMPLETED": ("completed",)},
            result="@",
            scaled=ScaledRange.PERCENT,
            timestamp=("completedDate", "updated"),
        ),
        # Docebo tells that a course is completed, and no score: an exam can't be passed by it.
        Dialect(
            name="docebo",
            reports="payloads",
            numbered=True,
            id="message_id",
            case="",
            home_page="",
            account="payload.user_id",
            mailbox="",
            activity=("payload.course_id",),
            outcome=("event",),
            outcomes={"course.enrollment.completed": ("completed",)},
            result="",
            timestamp=("payload.completion_date", "payload.fired_at"),
        ),
        # An enrolment of Absorb, which is asked for it (`adapters/absorb.py`).
        Dialect(
            name="absorb",
            id="",
            case="case_id",
            home_page="",
            account="account",
            mailbox="",
            activity=("courseId",),
            outcome=("status",),
            outcomes={"Complete": ("completed", "scored"), "Failed": ("failed",)},
            scaled=ScaledRange.PERCENT,
            timestamp=("at",),
        ),
    )
}
