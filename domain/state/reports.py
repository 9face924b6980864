"""What portal, background-check and training vendors report, as facts about one case (A14, A24–A29, B15)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.federal.markets import Curriculum
from domain.programs.statements import time_of, uuid_of
from domain.shared.facts import FactKind
from domain.shared.faults import Fault, Invalid, faults_of
from domain.shared.parsing import canonical
from domain.state.certification import CaseState, PortalAccount
from domain.state.request import fault


class PortalEvent(StrEnum):
    """The kinds of report the portal sends."""

    ACCOUNT_REGISTERED = "account.registered"
    ACCOUNT_ACTIVATED = "account.activated"
    PROFILE_COMPLETED = "profile.completed"
    SCHEDULING_TOOL_READY = "scheduling_tool.ready"
    REGISTRATION_REFUSED = "registration.refused"


PORTAL_FACT: dict[PortalEvent, FactKind] = {
    PortalEvent.ACCOUNT_REGISTERED: FactKind.PORTAL_REGISTERED,
    PortalEvent.ACCOUNT_ACTIVATED: FactKind.PORTAL_ACTIVATED,
    PortalEvent.PROFILE_COMPLETED: FactKind.PORTAL_PROFILE_COMPLETED,
    PortalEvent.SCHEDULING_TOOL_READY: FactKind.SCHEDULING_TOOL_READY,
    PortalEvent.REGISTRATION_REFUSED: FactKind.PORTAL_REFUSED,
}


def _instant(value: Any) -> datetime:
    try:
        return time_of(value, "occurred_at")
    except Invalid:
        raise fault("timestamp") from None


class PortalReport(BaseModel):
    """Body of ``/webhooks/portal``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: PortalEvent
    case_id: str = Field(max_length=64)
    occurred_at: Annotated[datetime, BeforeValidator(_instant)]
    reason: str | None = Field(default=None, max_length=2000)


def parse_portal(body: Any) -> tuple[PortalReport, str]:
    """The portal's report and a digest of its parsed body. Raises `Invalid` naming every field at fault."""
    if not isinstance(body, dict):
        raise Invalid([Fault("body", "object")])
    try:
        report = PortalReport.model_validate(body)
    except ValidationError as error:
        raise Invalid(faults_of(error)) from None
    uuid_of(report.case_id, "case_id")
    return report, digest(body)


def digest(body: Any) -> str:
    """A digest of a parsed body: equal documents, equal digests."""
    return sha256(canonical(body).encode()).hexdigest()


def premature(event: PortalEvent, state: CaseState) -> str | None:
    """Why a portal report can't count yet, for staff; None when it can (A24, A26).

    Nothing of the portal counts before the certificate; a counselor's account must be the one we set up.
    """
    if event is PortalEvent.REGISTRATION_REFUSED:
        return None
    if state.certificate is None:
        return "reported before the certificate was issued"
    counselor = not state.opening.kind.is_licensed
    if counselor and state.portal_account is PortalAccount.NONE and event.value.startswith("account."):
        return "reported for a counselor's account that we have not set up"
    return None


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
            "status": self.status if _short_text(self.status) else None,
            "result": self.result if _short_text(self.result) else None,
        }
        return {"id": self.event_id, "type": self.type, "data": {"object": subject}}


def parse_background(body: Any) -> BackgroundReport:
    """The vendor's event. Raises `Invalid` naming every field at fault."""
    if not isinstance(body, dict):
        raise Invalid([Fault("body", "object")])
    held = body.get("data")
    subject = held.get("object") if isinstance(held, dict) else None
    faults = [Fault(field, "required") for field in ("id", "type") if not _short_text(body.get(field))]
    if not isinstance(subject, dict):
        raise Invalid([*faults, Fault("data.object", "required")])
    ids = {name: subject.get(name) for name in ("candidate_id", "custom_id")}
    faults += [Fault(f"data.object.{name}", "text") for name, value in ids.items() if value and not _short_text(value)]
    if not any(ids.values()):
        faults.append(Fault("data.object.candidate_id", "required"))
    if body.get("type") == "report.completed" and subject.get("result") not in ("clear", "consider"):
        faults.append(Fault("data.object.result", "choice", (("choices", "clear, consider"),)))
    if faults:
        raise Invalid(faults)
    return BackgroundReport(
        event_id=body["id"],
        type=body["type"],
        candidate_id=ids["candidate_id"] or None,
        case_id=ids["custom_id"] or None,
        status=subject.get("status"),
        result=subject.get("result"),
        digest=digest(body),
    )


def _short_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isascii() and value.isprintable()
