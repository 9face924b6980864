"""What the background-check vendor reports, as facts about one case, and where its check stands by them (A14, E8)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.shared.cases.events import ON_THE_WAY
from domain.shared.cases.facts import Fact, FactKind, FactLog
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.fields import parse_instant
from domain.shared.documents.parsing import hash_document
from domain.state.eligibility import Check, Finding, Result, make_finding
from domain.state.facts import (
    STOPPED,
    AnsweredData,
    BackgroundChangedData,
    BackgroundReorderedData,
    BackgroundReportedData,
    CheckChange,
)

# What the vendor says on the way to a result, and wants nothing from anybody (P15); as seen on 2026-11-29.
ORDINARY = frozenset(
    {
        "candidate.created",
        "candidate.updated",
        "invitation.created",
        "invitation.completed",
        "report.created",
        "report.updated",
        "report.upgraded",
        "report.engaged",
        "report.disputed",
        "report.pre_adverse_action",
        "report.post_adverse_action",
        "adverse_action.created",
        "adverse_action.completed",
    }
)
_COMPLETED = ("report.completed", "report.complete")  # the vendor's own pages have both
_CHANGES = {
    "report.suspended": CheckChange.SUSPENDED,
    "report.resumed": CheckChange.RESUMED,
    "report.canceled": CheckChange.CANCELED,
    "invitation.expired": CheckChange.EXPIRED,
    "invitation.deleted": CheckChange.CANCELED,
}
_TO_BE_LOOKED_AT = ("review", "escalated")


@dataclass(frozen=True)
class BackgroundReport:
    """One event of the background-check vendor (Checkr's shape). ``result`` is clear or consider once complete.

    ``created_at`` is the vendor's own time: of two events the newer one counts, whichever arrived later (E8).
    """

    event_id: str
    type: str
    candidate_id: str | None
    case_id: str | None
    status: str | None
    result: str | None
    digest: str
    created_at: datetime | None = None
    includes_canceled: bool = False
    assessment: str | None = None

    @property
    def verdict(self) -> str | None:
        """clear or consider when the report is complete; *complete* alone is not *clear* (A14).

        One of which screenings were canceled, or that the vendor's assessment wants looked at, isn't (P14).
        """
        if self.type not in _COMPLETED or self.status not in (None, "complete"):
            return None
        if self.includes_canceled:
            return "consider"
        if self.result == "clear" and self.assessment in _TO_BE_LOOKED_AT:
            return "consider"
        return self.result if self.result in ("clear", "consider") else None

    @property
    def change(self) -> CheckChange | None:
        """What becomes of the check short of a result; a completed report whose status is canceled has none."""
        if self.type in _COMPLETED and self.status == "canceled":
            return CheckChange.CANCELED
        return _CHANGES.get(self.type)

    @property
    def is_dispute(self) -> bool:
        """Whether the assister disputes what was reported, as the vendor has it from them (E8)."""
        return self.type == "report.disputed"

    def kept(self) -> dict[str, Any]:
        """What may be kept of the event: what we read of it, and nothing about the person."""
        subject = {
            "candidate_id": self.candidate_id,
            "custom_id": self.case_id,
            "status": self.status if _is_short_text(self.status) else None,
            "result": self.result if _is_short_text(self.result) else None,
            "includes_canceled": self.includes_canceled,
            "assessment": self.assessment if _is_short_text(self.assessment) else None,
        }
        at = {"created_at": self.created_at.isoformat()} if self.created_at else {}
        return {"id": self.event_id, "type": self.type, **at, "data": {"object": subject}}


def parse_background_report(body: Any) -> BackgroundReport:
    """The vendor's event. Raises `Invalid` naming every field at fault."""
    if not isinstance(body, dict):
        raise Invalid([Fault("body", "object")])
    held = body.get("data")
    subject = held.get("object") if isinstance(held, dict) else None
    faults = [Fault(field, "required") for field in ("id", "type") if not _is_short_text(body.get(field))]
    if not isinstance(subject, dict):
        raise Invalid([*faults, Fault("data.object", "required")])
    ids = {name: subject.get(name) for name in ("candidate_id", "custom_id")}
    faults += [
        Fault(f"data.object.{name}", "text") for name, value in ids.items() if value and not _is_short_text(value)
    ]
    if not any(ids.values()):
        faults.append(Fault("data.object.candidate_id", "required"))
    unfinished = subject.get("status") not in (None, "complete") or subject.get("includes_canceled") is True
    if body.get("type") in _COMPLETED and not unfinished and subject.get("result") not in ("clear", "consider"):
        faults.append(Fault("data.object.result", "choice", {"choices": "clear, consider"}))
    if faults:
        raise Invalid(faults)
    return BackgroundReport(
        event_id=body["id"],
        type=body["type"],
        candidate_id=ids["candidate_id"] or None,
        case_id=ids["custom_id"] or None,
        status=subject.get("status"),
        result=subject.get("result"),
        digest=hash_document(body),
        created_at=_read_time(body.get("created_at")),
        includes_canceled=subject.get("includes_canceled") is True,
        assessment=subject.get("assessment"),
    )


def _read_time(value: Any) -> datetime | None:
    """The vendor's time of an event; without one that can be read it happened when it arrived."""
    try:
        return parse_instant(value, "created_at", UTC)
    except Invalid:
        return None


def build_check_fact(report: BackgroundReport, received_at: datetime, inputs: str | None, order: int = 0) -> Fact:
    """What the vendor reports, as a fact; ``inputs`` and number are those of its order, no inputs of one of before.

    It happened when the vendor says, never after it arrived here.
    """
    of_order: dict[str, Any] = ({"inputs": inputs} if inputs else {}) | ({"order": order} if order else {})
    kind, data = FactKind.BACKGROUND_REPORTED, {}
    if report.change:
        kind = FactKind.BACKGROUND_CHANGED
        data = BackgroundChangedData(change=report.change, **of_order).to_json()
    elif report.verdict:
        canceled = {"includes_canceled": True} if report.includes_canceled else {}
        told = {"result": report.verdict, **of_order, **canceled}
        data = BackgroundReportedData.model_validate(told).to_json()
    at = min(report.created_at or received_at, received_at)
    return Fact(id=f"background:{report.event_id}", kind=kind, at=at, data=data)


def find_unfinished_reason(report: BackgroundReport) -> Reason | None:
    """Why a report doesn't count: a completed one does, and one that says what became of the check (A14, P12)."""
    if report.verdict or report.change:
        return None
    return Reason(ON_THE_WAY if report.type in ORDINARY else "not_final")


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isascii() and value.isprintable()


# where the check stands


class BackgroundCheck(BaseModel):
    """What the facts of a case come to about its background check.

    ``inputs`` is a digest of whom it is to be made on since an answer changed that, None while none has. ``number`` is
    that of the last order, 0 of the first one; ``first`` is the lowest number of an order whose reports still count,
    ``reorders`` how often staff had it ordered anew. ``change`` is what the vendor said of it last, by its own time,
    None where that is a result; ``report`` is the last result, ``reported_at`` the vendor's time of it.
    """

    model_config = ConfigDict(frozen=True)

    inputs: str | None = None
    number: int = 0
    first: int = 0
    reorders: int = 0
    report: BackgroundReportedData | None = None
    reported_at: datetime | None = None
    change: CheckChange | None = None

    def is_current(self, inputs: str | None, order: int) -> bool:
        """Whether an order is the one that counts: made on who the request is of now, and not ordered anew since."""
        return is_made_on(inputs, self.inputs) and order >= self.first

    @property
    def is_stopped(self) -> bool:
        """Whether nothing that could be decided on comes of it any more, so that it can be ordered anew (E8)."""
        return self.change in STOPPED or (self.change is None and self.is_partial)

    @property
    def is_partial(self) -> bool:
        """Whether screenings of the last report were canceled."""
        return self.report is not None and self.report.includes_canceled


def is_made_on(inputs: str | None, current: str | None) -> bool:
    """Whether a finding is about what the request says now; ``current`` is None while no answer has changed that.

    A finding of before, which has no digest, counts until then (D5).
    """
    return current is None or inputs == current


def fold_check(log: FactLog) -> BackgroundCheck:
    """Where the check stands: of two reports the newer one counts, by the vendor's own time (E8)."""
    answers = [fact.read_as(AnsweredData) for fact in log.find_all(FactKind.ANSWERED)]
    renewing = [one for one in answers if one.check_inputs]
    inputs = renewing[-1].check_inputs if renewing else None
    reorders = [fact.read_as(BackgroundReorderedData) for fact in log.find_all(FactKind.BACKGROUND_REORDERED)]
    numbers = [*(one.number for one in reorders), *(one.check_number or one.round for one in renewing)]
    check = BackgroundCheck(
        inputs=inputs,
        number=max(numbers, default=0),
        first=max((one.number for one in reorders if is_made_on(one.inputs, inputs)), default=0),
        reorders=len(reorders),
    )
    for fact in log.find_all(FactKind.BACKGROUND_REPORTED, FactKind.BACKGROUND_CHANGED):
        if fact.kind is FactKind.BACKGROUND_REPORTED:
            report = fact.read_as(BackgroundReportedData)
            if check.is_current(report.inputs, report.order):
                check = check.model_copy(update={"report": report, "reported_at": fact.at, "change": None})
        else:
            changed = fact.read_as(BackgroundChangedData)
            if check.is_current(changed.inputs, changed.order):
                check = check.model_copy(update={"change": changed.change})
    return check


def make_check_finding(check: BackgroundCheck) -> Finding:
    """The finding of the check: pending until the vendor has a result, and then says why (A14, P12-P14)."""
    if check.change is not None or check.report is None:
        note = f"check_{check.change}" if check.change and check.change is not CheckChange.RESUMED else None
        return make_finding(Check.BACKGROUND_CHECK, Result.PENDING, note)
    if check.is_partial:
        return make_finding(Check.BACKGROUND_CHECK, Result.CONSIDER, "check_includes_canceled")
    return make_finding(
        Check.BACKGROUND_CHECK, {"clear": Result.PASS, "consider": Result.CONSIDER}[check.report.result]
    )


def find_reorder_refusal(check: BackgroundCheck) -> Reason | None:
    """Why the check can't be ordered anew; None where it was canceled, wholly or in part, or has expired (E8)."""
    return None if check.is_stopped else Reason("check_not_stopped")


def read_order_number(key: str) -> int:
    """The number of an order, which the key of its effect ends with."""
    end = key.rpartition(":")[2]
    return int(end) if end.isdecimal() else 0


def find_outdated_reason(inputs: str | None, order: int, check: BackgroundCheck) -> Reason | None:
    """Why a report doesn't count that is on somebody else than the request is of now, or of an order of before (D5)."""
    return None if check.is_current(inputs, order) else Reason("check_outdated")
