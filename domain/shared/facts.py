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
    PROFILE_SAVED = "profile_saved"
    NPN_VERIFIED = "npn_verified"
    NPN_REFUSED = "npn_refused"
    PROFILE_COMPLETED = "profile_completed"
    ENROLLED = "enrolled"
    MLMS_ENROLLED = "mlms_enrolled"
    LAUNCHED = "launched"
    AGREEMENT_OPENED = "agreement_opened"
    MARKET_COMPLETED = "market_completed"
    WATCH_OPENED = "watch_opened"
    LISTED = "listed"
    LIST_LATE = "list_late"
    HELP_DESK_TOLD = "help_desk_told"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    CLOSED = "closed"


class Fact(BaseModel):
    """One thing that happened: `id` is unique, `at` is when it happened (UTC), `data` depends on the kind.

    ``data``: requested {opened_by}; screened {round, findings}; background_reported {result}; decided {verdict, by,
    reason, override, round}; answered {round}; exam_attempted {event_id, score, passed}; certificate_issued {number,
    issued_at, valid_until, sha256}. In the federal program: profile_saved {version, role, npn}; npn_verified {version};
    npn_refused {version, faults}; enrolled {curriculum, channel, automatic}; launched, course_started, course_completed
    {curriculum, channel}; agreement_opened, agreement_accepted {agreement, version, language, sha256};
    market_completed {market}; certificate_issued also {market}; watch_opened {market, due}; listed {market, list};
    list_late {market, list, due_on}.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: FactKind
    at: datetime
    data: dict[str, Any] = Field(default_factory=dict)
