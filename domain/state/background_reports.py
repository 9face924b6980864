"""What the background-check vendor reports, as facts about one case (A14)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.shared.cases.events import ON_THE_WAY
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import hash_document
from domain.state.certification import CertificationState
from domain.state.facts import BackgroundReportedData

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


@dataclass(frozen=True)
class BackgroundReport:
    """One event of the background-check vendor (Checkr's shape). ``result`` is clear or consider once complete."""

    event_id: str
    type: str
    candidate_id: str | None
    case_id: str | None
    status: str | None
    result: str | None
    digest: str
    created_at: datetime | None = None

    @property
    def verdict(self) -> str | None:
        """clear or consider when the report is complete; *complete* alone is not *clear* (A14)."""
        done = self.type == "report.completed" and self.status in (None, "complete")
        return self.result if done and self.result in ("clear", "consider") else None

    def kept(self) -> dict[str, Any]:
        """What may be kept of the event: what we read of it, and nothing about the person."""
        subject = {
            "candidate_id": self.candidate_id,
            "custom_id": self.case_id,
            "status": self.status if _is_short_text(self.status) else None,
            "result": self.result if _is_short_text(self.result) else None,
        }
        return {"id": self.event_id, "type": self.type, "data": {"object": subject}}


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
    if body.get("type") == "report.completed" and subject.get("result") not in ("clear", "consider"):
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
    )


def build_check_fact(report: BackgroundReport, received_at: datetime, inputs: str | None) -> Fact:
    """What the vendor reports, as a fact; ``inputs`` are those of its order, None for an order of before."""
    told = {"result": report.verdict} | ({"inputs": inputs} if inputs else {})
    data = BackgroundReportedData.model_validate(told).to_json() if report.verdict else {}
    return Fact(id=f"background:{report.event_id}", kind=FactKind.BACKGROUND_REPORTED, at=received_at, data=data)


def find_unfinished_reason(report: BackgroundReport) -> Reason | None:
    """Why a report doesn't count: only a completed one does (A14)."""
    if report.verdict:
        return None
    return Reason(ON_THE_WAY if report.type in ORDINARY else "not_final")


def find_outdated_reason(inputs: str | None, state: CertificationState) -> Reason | None:
    """Why a report doesn't count that is on somebody else than the request is of now (D5)."""
    return Reason("check_outdated") if state.check_inputs not in (None, inputs) else None


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isascii() and value.isprintable()
