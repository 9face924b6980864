"""What training vendors report, as facts about one registration (B15)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.federal.markets import Curriculum
from domain.shared.faults import Fault, Invalid, faults_of
from domain.shared.fields import _instant
from domain.shared.parsing import digest


class VendorReport(BaseModel):
    """Body of ``/webhooks/vendors/{vendor}``: a course that was completed under a launch ticket (B15)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["training.completed"]
    ticket: str = Field(min_length=1, max_length=200)
    curriculum: Curriculum
    occurred_at: Annotated[datetime, BeforeValidator(_instant)]


def parse_vendor(body: Any) -> tuple[VendorReport, str]:
    """The vendor's report and a digest of its parsed body. Raises `Invalid` naming every field at fault."""
    if not isinstance(body, dict):
        raise Invalid([Fault("body", "object")])
    try:
        return VendorReport.model_validate(body), digest(body)
    except ValidationError as error:
        raise Invalid(faults_of(error)) from None
