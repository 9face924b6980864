"""What training vendors report, as facts about one registration (B15)."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.federal.facts import CourseData
from domain.federal.markets import Curriculum
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import parse_occurred_at
from domain.shared.documents.parsing import hash_document


class VendorReport(BaseModel):
    """Body of ``/webhooks/vendors/{vendor}``: a course that was completed under a launch ticket (B15)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["training.completed"]
    ticket: str = Field(min_length=1, max_length=200)
    curriculum: Curriculum
    occurred_at: Annotated[datetime, BeforeValidator(parse_occurred_at)]


def parse_vendor_report(body: Any, zone: tzinfo = UTC) -> tuple[VendorReport, str]:
    """The vendor's report and a digest of its parsed body; ``zone`` is that of times without one.

    Raises `Invalid` naming every field at fault.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("body", "object")])
    try:
        return VendorReport.model_validate(body, context={"zone": zone}), hash_document(body)
    except ValidationError as error:
        raise Invalid(list_faults(error)) from None


def check_ticket(report: VendorReport, curriculum: str, *, redeemed: bool) -> None:
    """Raises `Invalid` where the report is of another course than its ticket, or the ticket was never used (B15)."""
    if curriculum != report.curriculum:
        raise Invalid([Fault("curriculum", "mismatch")])
    if not redeemed:
        raise Invalid([Fault("ticket", "ticket_not_redeemed")])


def build_completion_fact(report: VendorReport, ticket_hash: str, vendor: str, received_at: datetime) -> Fact:
    """The completed course, as a fact that counts once a ticket."""
    data = CourseData(curriculum=report.curriculum, channel=vendor).to_json()
    at = min(report.occurred_at, received_at)  # a sender's fast clock puts off no due date
    return Fact(id=f"vendor:{ticket_hash}", kind=FactKind.COURSE_COMPLETED, at=at, data=data)
