"""What a certification's facts say, each kind in its shape; facts that say nothing besides have none."""

from enum import StrEnum
from typing import Literal

from domain.shared.cases.facts import FactData, GivenReason
from domain.state.eligibility import Finding, Result, Verdict


class AgreementAcceptedData(FactData):
    """The text that was accepted, and where; ``by`` and ``evidence`` where staff recorded it for the assister (A3)."""

    version: str
    language: str
    sha256: str
    source: str
    by: str | None = None
    evidence: str | None = None


class BackgroundConsentedData(AgreementAcceptedData):
    """The text that was consented to before a background check (A14); cases of before this was kept have none."""


class ScreenedData(FactData):
    """What screening found; ``round`` counts the answers before it (A12, A13).

    ``inputs`` is a digest of what the registry was asked about, which screenings of before lack (D5). ``asked_by`` is
    who of staff had the checks made again, None where the request was screened as a step of its journey.
    """

    round: int
    findings: tuple[Finding, ...]
    inputs: str | None = None
    asked_by: str | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the registry answered, so that no finding is unknown."""
        return all(one.result is not Result.UNKNOWN for one in self.findings)


def is_of_command(fact_id: str, command_id: str) -> bool:
    """Whether a screening is the one that staff had made again by this command."""
    return f":{command_id}:" in fact_id


class BackgroundOrderedData(FactData):
    """``inputs`` is a digest of whom the check is made on; orders of before lack it (D5)."""

    inputs: str | None = None


class BackgroundReportedData(FactData):
    """What the background check came to (A14); ``inputs`` and ``order`` are those of its order (D5, E8).

    ``includes_canceled``: some of its screenings were canceled, so that it says less than was ordered.
    """

    result: Literal["clear", "consider"]
    inputs: str | None = None
    order: int = 0
    includes_canceled: bool = False


class CheckChange(StrEnum):
    """What becomes of a background check short of a result (P12, P13)."""

    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CANCELED = "canceled"
    EXPIRED = "expired"


# After these nothing more comes of a check: it can be ordered anew.
STOPPED = frozenset({CheckChange.CANCELED, CheckChange.EXPIRED})


class BackgroundChangedData(FactData):
    """What became of the check short of a result; ``inputs`` and ``order`` are those of its order."""

    change: CheckChange
    inputs: str | None = None
    order: int = 0


class BackgroundReorderedData(FactData):
    """Staff had the check ordered anew; ``number`` is that of the new order, ``inputs`` whom it was made on (E8).

    ``consent`` says how the assister agreed, where they have not by their request.
    """

    by: str
    reason: str
    number: int
    inputs: str | None = None
    consent: str | None = None


class DecidedData(GivenReason, FactData):
    """What staff decided, who, and why; ``override`` is why over checks that did not pass (A12).

    ``fields`` are those of the request that a question is about, none where it is about no certain ones.
    """

    verdict: Verdict
    by: str
    reason: str
    override: str | None = None
    round: int = 0
    fields: tuple[str, ...] = ()


class AnsweredData(FactData):
    """How often the assister has answered, this time included (A12).

    A digest is there where the answer changed what the finding was made on: it is of the new inputs (D5).
    ``check_number`` is that of the check's new order, where others than answers have asked for one; else ``round`` is.
    """

    round: int
    registry_inputs: str | None = None
    check_inputs: str | None = None
    check_number: int | None = None


class QuestionTakenBackData(FactData):
    """By whom the open question was taken back, and why (A12)."""

    by: str
    reason: str


class PortalRefusedData(FactData):
    """Why the portal refused to register somebody, in its own words (A24)."""

    reason: str | None = None


class ExamAttemptedData(FactData):
    """An attempt at the exam; ``score`` is a decimal between 0 and 1, as text so that nothing is rounded (A21, A22).

    ``witness`` is the number it comes from, ``raw`` or ``scaled``; not known of attempts from before it was kept.
    """

    event_id: str
    score: str
    passed: bool
    witness: Literal["raw", "scaled"] | None = None
