"""What the portal reports, as facts about one case (A24–A29)."""

from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import parse_occurred_at, parse_uuid
from domain.shared.documents.parsing import hash_document
from domain.state.certification import CertificationState, PortalAccount
from domain.state.facts import PortalRefusedData


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


class PortalReport(BaseModel):
    """Body of ``/webhooks/portal``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: PortalEvent
    case_id: str = Field(max_length=64)
    occurred_at: Annotated[datetime, BeforeValidator(parse_occurred_at)]
    reason: str | None = Field(default=None, max_length=2000)


def parse_portal_report(body: Any, zone: tzinfo = UTC) -> tuple[PortalReport, str]:
    """The portal's report and a digest of its parsed body; ``zone`` is that of times without one.

    Raises `Invalid` naming every field at fault.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("body", "object")])
    try:
        report = PortalReport.model_validate(body, context={"zone": zone})
    except ValidationError as error:
        raise Invalid(list_faults(error)) from None
    parse_uuid(report.case_id, "case_id")
    return report, hash_document(body)


def build_portal_fact(report: PortalReport, event_id: str, received_at: datetime) -> Fact:
    """What the portal reports, as a fact; nothing happened after we heard of it."""
    refused = report.type is PortalEvent.REGISTRATION_REFUSED
    data = PortalRefusedData(reason=report.reason).to_json() if refused else {}
    return Fact(
        id=f"portal:{event_id}", kind=PORTAL_FACT[report.type], at=min(report.occurred_at, received_at), data=data
    )


def find_premature_reason(event: PortalEvent, state: CertificationState) -> Reason | None:
    """Why a portal report can't count yet, for staff; None when it can (A24, A26).

    Nothing of the portal counts before the certificate; a counselor's account must be the one we set up.
    """
    if event is PortalEvent.REGISTRATION_REFUSED:
        return None
    if state.certificate is None:
        return Reason("before_certificate")
    counselor = not state.opening.kind.is_licensed
    if counselor and state.portal_account is PortalAccount.NONE and event.value.startswith("account."):
        return Reason("account_not_set_up")
    return None
