"""Facts: what happened to a case, each with its own id and time; never taken back, the status is a fold over them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class FactKind(StrEnum):
    """Everything that can happen to a case."""

    REQUESTED = "requested"
    BEGUN = "begun"
    AGREEMENT_ACCEPTED = "agreement_accepted"
    SCREENED = "screened"
    BACKGROUND_ORDERED = "background_ordered"
    BACKGROUND_REPORTED = "background_reported"
    DECIDED = "decided"
    ANSWERED = "answered"
    LMS_INVITED = "lms_invited"
    LMS_ENROLLED = "lms_enrolled"
    LMS_REGISTERED = "lms_registered"
    LMS_PROFILE_COMPLETED = "lms_profile_completed"
    COURSE_STARTED = "course_started"
    COURSE_COMPLETED = "course_completed"
    EXAM_ATTEMPTED = "exam_attempted"
    CERTIFICATE_ISSUED = "certificate_issued"
    PORTAL_ACCOUNT_CREATED = "portal_account_created"
    PORTAL_ACCOUNT_REUSED = "portal_account_reused"
    PORTAL_REGISTERED = "portal_registered"
    PORTAL_ACTIVATED = "portal_activated"
    PORTAL_PROFILE_COMPLETED = "portal_profile_completed"
    SCHEDULING_TOOL_READY = "scheduling_tool_ready"
    PORTAL_REFUSED = "portal_refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    CLOSED = "closed"


class Fact(BaseModel):
    """One thing that happened: `id` is unique, `at` is when it happened (UTC), `data` depends on the kind.

    ``data``: requested {opened_by}; screened {round, findings}; background_reported {result}; decided {verdict, by,
    reason, override, round}; answered {round}; exam_attempted {event_id, score, passed}; certificate_issued {number,
    issued_at, valid_until, sha256}.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: FactKind
    at: datetime
    data: dict[str, Any] = Field(default_factory=dict)
