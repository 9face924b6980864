"""The stages of a case and what each waits for, in either program."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import PlainSerializer

from domain.shared.cases.facts import FactData, FactKind


class Stage(StrEnum):
    """Where a case is, in either program."""

    REQUESTED = "requested"
    SCREENING = "screening"
    AWAITING_BACKGROUND_CHECK = "awaiting_background_check"
    AWAITING_DECISION = "awaiting_decision"
    AWAITING_INFORMATION = "awaiting_information"
    AWAITING_PROFILE = "awaiting_profile"
    INVITED = "invited"
    IN_TRAINING = "in_training"
    AWAITING_EXAM_PASS = "awaiting_exam_pass"
    AWAITING_AGREEMENTS = "awaiting_agreements"
    CERTIFIED = "certified"
    PORTAL_SETUP = "portal_setup"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    UNDER_APPEAL = "under_appeal"
    LAPSED = "lapsed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    TERMINATED = "terminated"
    CLOSED = "closed"


# While an appeal is under way the end stands, and no workflow of the case runs.
ENDED = frozenset({Stage.DENIED, Stage.WITHDRAWN, Stage.REVOKED, Stage.TERMINATED, Stage.CLOSED, Stage.UNDER_APPEAL})


# After these a portal account must not stay open.
SUSPENDING = frozenset({Stage.WITHDRAWN, Stage.REVOKED, Stage.TERMINATED})

# In these a certificate counts no more: an appeal by itself gives nothing back.
TAKEN_BACK = SUSPENDING | {Stage.UNDER_APPEAL}

# After these a new request opens a new case of the same year (A10); in a year that is closed nobody is taken.
REOPENABLE = frozenset({Stage.DENIED, Stage.WITHDRAWN, Stage.REVOKED, Stage.TERMINATED})


class WaitingFor(StrEnum):
    """What a case waits for next; whose move it is stands in `OWNER`."""

    SCREENING = "screening"
    BACKGROUND_CHECK = "background_check"
    DECISION = "decision"
    INFORMATION = "information"
    LMS_INVITATION = "lms_invitation"
    LMS_ACCOUNT = "lms_account"
    LMS_PROFILE = "lms_profile"
    COURSE_COMPLETION = "course_completion"
    EXAM_PASS = "exam_pass"
    CERTIFICATE = "certificate"
    PORTAL_REGISTRATION = "portal_registration"
    PORTAL_ACCOUNT = "portal_account"
    PORTAL_ACTIVATION = "portal_activation"
    PORTAL_PROFILE = "portal_profile"
    SCHEDULING_TOOL = "scheduling_tool"
    MARKETPLACE_PROFILE = "marketplace_profile"
    NPN_VERIFICATION = "npn_verification"
    NPN_PROOF = "npn_proof"
    MARKETPLACE_TRAINING = "marketplace_training"
    MARKETPLACE_AGREEMENTS = "marketplace_agreements"
    PUBLICATION = "publication"
    NEXT_PLAN_YEAR = "next_plan_year"
    RESTORATION = "restoration"
    APPEAL_DECISION = "appeal_decision"


OWNER: dict[WaitingFor, str] = {
    WaitingFor.SCREENING: "us",
    WaitingFor.BACKGROUND_CHECK: "background-check vendor",
    WaitingFor.DECISION: "staff",
    WaitingFor.INFORMATION: "assister",
    WaitingFor.LMS_INVITATION: "us",
    WaitingFor.LMS_ACCOUNT: "assister",
    WaitingFor.LMS_PROFILE: "assister",
    WaitingFor.COURSE_COMPLETION: "assister",
    WaitingFor.EXAM_PASS: "assister",
    WaitingFor.CERTIFICATE: "us",
    WaitingFor.PORTAL_REGISTRATION: "assister",
    WaitingFor.PORTAL_ACCOUNT: "us",
    WaitingFor.PORTAL_ACTIVATION: "assister",
    WaitingFor.PORTAL_PROFILE: "assister",
    WaitingFor.SCHEDULING_TOOL: "assister",
    WaitingFor.MARKETPLACE_PROFILE: "assister",
    WaitingFor.NPN_VERIFICATION: "us",
    WaitingFor.NPN_PROOF: "assister",
    WaitingFor.MARKETPLACE_TRAINING: "assister",
    WaitingFor.MARKETPLACE_AGREEMENTS: "assister",
    WaitingFor.PUBLICATION: "us",
    WaitingFor.NEXT_PLAN_YEAR: "nobody",
    WaitingFor.RESTORATION: "nobody",
    WaitingFor.APPEAL_DECISION: "appeals reviewer",
}


# What we do ourselves within seconds, unless a third party is down.
DONE_AT_ONCE = frozenset(
    {WaitingFor.SCREENING, WaitingFor.LMS_INVITATION, WaitingFor.CERTIFICATE, WaitingFor.PORTAL_ACCOUNT}
)

# With +00:00, as all that are stored have it; pydantic would write a Z.
IssuedAt = Annotated[datetime, PlainSerializer(datetime.isoformat, when_used="json")]


class Certificate(FactData):
    """The certificate issued (A23); ``supersedes`` is the number in whose place it is, empty for the first (E11)."""

    number: str
    issued_at: IssuedAt
    valid_until: date | None
    sha256: str
    supersedes: str = ""


class CertificateToIssue(FactData):
    """What is fixed of a certificate before it is printed: number, name, kind and time of issue (A23, B17).

    ``market`` is empty in the state program; ``holder`` and ``kind`` are missing where an earlier release has fixed it.
    """

    number: str
    holder: str | None = None
    kind: str | None = None
    issued_at: IssuedAt
    issued_on: date
    valid_until: date | None
    market: str = ""
    supersedes: str = ""


ENDINGS = {
    FactKind.REVOKED: Stage.REVOKED,
    FactKind.WITHDRAWN: Stage.WITHDRAWN,
    FactKind.TERMINATED: Stage.TERMINATED,
    FactKind.CLOSED: Stage.CLOSED,
}
