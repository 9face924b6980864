"""Facts: what happened to a case, each with its own id and time; never taken back, the status is a fold over them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from domain.shared.stored import StoredData


class FactKind(StrEnum):
    """Everything that can happen to a case."""

    REQUESTED = "requested"
    BEGUN = "begun"
    AGREEMENT_ACCEPTED = "agreement_accepted"
    SCREENED = "screened"
    BACKGROUND_CONSENTED = "background_consented"
    BACKGROUND_ORDERED = "background_ordered"
    BACKGROUND_REPORTED = "background_reported"
    BACKGROUND_CHANGED = "background_changed"
    BACKGROUND_REORDERED = "background_reordered"
    DECIDED = "decided"
    ANSWERED = "answered"
    QUESTION_TAKEN_BACK = "question_taken_back"
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
    NPN_PROVEN = "npn_proven"
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
    AUTHORITY_SUSPENDED = "authority_suspended"
    AUTHORITY_RESTORED = "authority_restored"
    TERMINATION_NOTICED = "termination_noticed"
    TERMINATION_TAKEN_BACK = "termination_taken_back"
    REBUTTAL_FILED = "rebuttal_filed"
    TERMINATED = "terminated"
    NAME_CORRECTED = "name_corrected"
    CLOSED = "closed"
    APPEAL_FILED = "appeal_filed"
    APPEAL_ESCALATED = "appeal_escalated"
    APPEAL_DECIDED = "appeal_decided"
    APPEAL_WITHDRAWN = "appeal_withdrawn"
    ADVERSE_ACTION_BEGUN = "adverse_action_begun"
    ADVERSE_ACTION_NOTICED = "adverse_action_noticed"
    ADVERSE_ACTION_DISPUTED = "adverse_action_disputed"
    ADVERSE_ACTION_DISPUTE_ENDED = "adverse_action_dispute_ended"
    ADVERSE_ACTION_RESUMED = "adverse_action_resumed"
    ADVERSE_ACTION_WAITED = "adverse_action_waited"
    ADVERSE_ACTION_ENDED = "adverse_action_ended"
    TRAINING_LAPSED = "training_lapsed"
    TRAINING_REACTIVATED = "training_reactivated"


class FactData(StoredData):
    """What a fact of one kind says, in a shape of its own; where the shapes stand, see `Fact`."""

    def to_json(self) -> dict[str, Any]:
        """As it is stored: fields that were not given are left out."""
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True)
class ToldReason:
    """A reason as its assister reads it. ``written_in`` is its language ("en", "es") where that isn't the assister's.

    It is empty where it is the assister's, and where nobody has said in which language it is.
    """

    words: str = ""
    written_in: str = ""


class GivenReason(StoredData):
    """Why something was done, as it was given.

    ``told`` is the reason in the assister's language, where it was given in both. ``written_in`` is the language of the
    reason where that isn't the assister's and it was given in no other.
    """

    reason: str = ""
    told: str | None = None
    written_in: str | None = None

    @property
    def told_reason(self) -> ToldReason:
        """The reason as the assister is told it."""
        return ToldReason(self.told) if self.told else ToldReason(self.reason, self.written_in or "")


Data = TypeVar("Data", bound=FactData)


class Fact(BaseModel):
    """One thing that happened: `id` is unique, `at` is when it happened (UTC), `data` is JSON, its shape the kind's.

    The shapes of one program are in `domain.state.facts` and `domain.federal.facts`; those of both are in this folder,
    in `opening`, `commands`, `authority` and `stages`.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: FactKind
    at: datetime
    data: dict[str, Any] = Field(default_factory=dict)

    def read_as(self, shape: type[Data]) -> Data:
        """What it says, in the shape of its kind."""
        return shape.model_validate(self.data)


class FactLog:
    """The facts of a case, each once, in the order of their times; the order they are given in doesn't matter.

    What an appeal has set aside doesn't count any more (E6): only `find_everything` finds it.
    """

    def __init__(self, facts: Iterable[Fact]) -> None:
        once = {fact.id: fact for fact in facts}
        self._all = sorted(once.values(), key=lambda fact: (fact.at, fact.id))
        decided = (fact for fact in self._all if fact.kind is FactKind.APPEAL_DECIDED)
        set_aside = {fact_id for fact in decided for fact_id in fact.data.get("sets_aside") or ()}
        self._facts = [fact for fact in self._all if fact.id not in set_aside]

    def __len__(self) -> int:
        return len(self._all)

    def find_everything(self, *kinds: FactKind) -> list[Fact]:
        """Every fact of these kinds, the earliest first, those that were set aside too."""
        return [fact for fact in self._all if fact.kind in kinds]

    def find_all(self, *kinds: FactKind) -> list[Fact]:
        """Every fact of these kinds, the earliest first."""
        return [fact for fact in self._facts if fact.kind in kinds]

    def find_first(self, *kinds: FactKind) -> Fact | None:
        """The earliest fact of these kinds."""
        return next((fact for fact in self._facts if fact.kind in kinds), None)

    def find_last(self, *kinds: FactKind) -> Fact | None:
        """The latest fact of these kinds."""
        return next((fact for fact in reversed(self._facts) if fact.kind in kinds), None)

    def has(self, *kinds: FactKind) -> bool:
        """Whether a fact of one of these kinds happened."""
        return self.find_first(*kinds) is not None

    def find_time(self, *kinds: FactKind) -> datetime | None:
        """When the earliest fact of these kinds happened."""
        found = self.find_first(*kinds)
        return found.at if found else None
