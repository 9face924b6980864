"""What an event of a third party says about its case: its fact, or why it doesn't count; nothing is stored here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import UnknownCase, certification_of, federal_policy_of, one_or_none, policy_of
from db.tables import AlteredEvent, Assister, Case, EffectRow, FactRow, TicketRow
from db.writes.facts import locked
from domain.federal.mlms_statements import course_fact_of
from domain.federal.vendor_reports import VendorReport, parse_vendor
from domain.shared.facts import Fact, FactKind
from domain.shared.faults import Fault, Invalid
from domain.shared.parsing import read_json
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.statements import Statement, parse
from domain.state.background_reports import BackgroundReport, parse_background
from domain.state.lms_statements import fact_of
from domain.state.portal_reports import PORTAL_FACT, PortalEvent, PortalReport, parse_portal, premature

LMS, PORTAL, BACKGROUND, VENDORS, ASSISTER = "lms", "portal", "background-checks", "vendors", "assister"
NOT_FINAL, REPORTED_BEFORE = "not a completed report", "reported before under this ticket"


@dataclass(frozen=True)
class Event:
    """An event with its id at its source, its case, a digest of its body, and what may be kept of that."""

    source: str
    id: str
    case_id: str
    kind: str
    digest: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What an event says of a case: the fact, and why it doesn't count, for staff."""

    case: Case
    fact: Fact
    why: str | None = None


def said_by_lms(session: Session, statement: Statement, received_at: datetime) -> Said:
    """A statement's fact, its case locked. Raises `Invalid` naming the field where it doesn't fit (A20, C4)."""
    case = _case(session, statement.case_id, "context.registration")
    person = session.get_one(Assister, case.assister_id)
    accounts = frozenset(name for name in (person.assister_id, person.lms_account) if name)
    if case.program == FEDERAL_PROGRAM:
        return Said(case, course_fact_of(statement, federal_policy_of(case), accounts, received_at))
    return Said(case, fact_of(statement, policy_of(case), accounts, received_at))


def said_by_portal(session: Session, report: PortalReport, event_id: str) -> Said:
    """A portal report's fact, its case locked; a premature one doesn't count (A24). Raises `Invalid`."""
    case = _case(session, report.case_id, "case_id")
    if case.program == FEDERAL_PROGRAM:
        raise Invalid([Fault("case_id", "mismatch")])
    why = premature(report.type, certification_of(session, case))
    data = {"reason": report.reason} if report.type is PortalEvent.REGISTRATION_REFUSED else {}
    fact = Fact(id=f"portal:{event_id}", kind=PORTAL_FACT[report.type], at=report.occurred_at, data=data)
    return Said(case, fact, why)


def said_by_background(report: BackgroundReport, case: Case, received_at: datetime) -> Said:
    """A background report's fact; only a completed one counts (A14)."""
    data = {"result": report.verdict} if report.verdict else {}
    fact = Fact(id=f"background:{report.event_id}", kind=FactKind.BACKGROUND_REPORTED, at=received_at, data=data)
    return Said(case, fact, None if report.verdict else NOT_FINAL)


def checked_case(session: Session, report: BackgroundReport) -> Case:
    """The case whose check was ordered under the vendor's candidate, or is just being ordered under its own id; locked.

    Raises `Invalid` where there is none.
    """
    orders = select(EffectRow).where(col(EffectRow.kind) == "background.ordered")
    order = None
    if report.candidate_id:
        order = one_or_none(session, orders.where(col(EffectRow.external_id) == report.candidate_id))
    if order is None and report.case_id:
        # The report may overtake the answer to our order, which names the candidate.
        any_or_unanswered = [col(EffectRow.external_id).is_(None)] if report.candidate_id else []
        of_case = orders.where(col(EffectRow.case_id) == report.case_id, *any_or_unanswered)
        order = one_or_none(session, of_case)
    if order is None or report.case_id not in (None, order.case_id):
        raise Invalid([Fault("data.object.candidate_id", "mismatch")])
    return locked(session, order.case_id)


def ticket_of(session: Session, vendor: str, hashed: str) -> TicketRow:
    """A vendor's launch ticket by its hash. Raises `Invalid` where there is none of theirs (B14)."""
    ticket = session.get(TicketRow, hashed)
    if ticket is None or ticket.vendor != vendor:
        raise Invalid([Fault("ticket", "ticket_unknown")])
    return ticket


def said_by_vendor(
    session: Session, ticket: TicketRow, report: VendorReport, case: Case, received_at: datetime
) -> Said:
    """A completion's fact, which counts once a ticket. Raises `Invalid` for another course's or an unused ticket."""
    if ticket.curriculum != report.curriculum:
        raise Invalid([Fault("curriculum", "mismatch")])
    if ticket.redeemed_at is None:
        raise Invalid([Fault("ticket", "ticket_not_redeemed")])
    data = {"curriculum": ticket.curriculum, "channel": ticket.vendor}
    at = min(report.occurred_at, received_at)  # whose clock is fast moves no due date
    fact = Fact(id=f"vendor:{ticket.token_hash}", kind=FactKind.COURSE_COMPLETED, at=at, data=data)
    again = session.get(FactRow, fact.id) is not None
    return Said(case, fact, REPORTED_BEFORE if again else None)


def read_again(session: Session, row: AlteredEvent) -> tuple[Event, Said]:
    """An event that was kept aside, as a new one with an id of its own, under the rules of every other one.

    Raises `Invalid` naming the field where it doesn't fit its case.
    """
    document = read_json(row.body["text"].encode())
    event_id = f"altered:{row.id}:{row.event_id}"
    if row.source == LMS:
        event_id = str(uuid5(UUID(row.event_id), f"altered:{row.id}"))
        (statement,) = parse({**document, "id": event_id})
        said = said_by_lms(session, statement, row.received_at)
        kind, digest = statement.verb, statement.digest
    elif row.source == PORTAL:
        report, digest = parse_portal(document)
        said, kind = said_by_portal(session, report, event_id), report.type
    elif row.source == BACKGROUND:
        background = parse_background({**document, "id": event_id})
        said = said_by_background(background, checked_case(session, background), row.received_at)
        kind, digest = background.type, background.digest
    else:
        vendor, _, given = row.event_id.partition(":")
        event_id = f"{vendor}:altered:{row.id}:{given}"
        completed, digest = parse_vendor(document)
        ticket = ticket_of(session, vendor, completed.ticket)  # of which the hash was kept
        case = locked(session, ticket.case_id)
        said, kind = said_by_vendor(session, ticket, completed, case, row.received_at), completed.type
    return Event(row.source, event_id, said.case.case_id, kind, digest, document), said


def _case(session: Session, case_id: str, name: str) -> Case:
    try:
        return locked(session, case_id)
    except UnknownCase:
        raise Invalid([Fault(name, "mismatch")]) from None
