"""What an event of a third party means for its case: its fact, or why it doesn't count; nothing is stored here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import UnknownCase, certification_of, federal_policy_of, one_or_none, policy_of
from db.tables import AlteredEvent, Assister, Case, EffectRow, FactRow, TicketRow
from db.writes.facts import lock_case
from domain.federal.mlms_statements import build_course_fact
from domain.federal.vendor_reports import VendorReport, build_completion_fact, check_ticket, parse_vendor_report
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import Fact
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import Statement, parse_statements
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.background_reports import (
    BackgroundReport,
    build_check_fact,
    find_unfinished_reason,
    parse_background_report,
)
from domain.state.lms_statements import build_lms_fact
from domain.state.portal_reports import PortalReport, build_portal_fact, find_premature_reason, parse_portal_report


@dataclass(frozen=True)
class Event:
    """An event with its id at its source, its case, a digest of its body, and what may be kept of that."""

    source: EventSource
    id: str
    case_id: str
    kind: str
    digest: str
    body: dict[str, Any]


@dataclass(frozen=True)
class ParsedEvent:
    """What an event means for its case, which is locked: the fact, and why it doesn't count."""

    case: Case
    fact: Fact
    reason: Reason | None = None


def parse_lms_event(session: Session, statement: Statement, received_at: datetime) -> ParsedEvent:
    """What a statement means. Raises `Invalid` naming the field where it doesn't fit its case (A20, C4)."""
    case = _lock_case(session, statement.case_id, "context.registration")
    person = session.get_one(Assister, case.assister_id)
    # Whom we invited goes by our id there; an account of earlier years keeps its own name.
    accounts = frozenset(name for name in (person.assister_id, person.lms_account) if name)
    if case.program == FEDERAL_PROGRAM:
        return ParsedEvent(case, build_course_fact(statement, federal_policy_of(case), accounts, received_at))
    return ParsedEvent(case, build_lms_fact(statement, policy_of(case), accounts, received_at))


def parse_portal_event(session: Session, report: PortalReport, event_id: str) -> ParsedEvent:
    """What a portal report means; a premature one doesn't count (A24). Raises `Invalid`."""
    case = _lock_case(session, report.case_id, "case_id")
    if case.program == FEDERAL_PROGRAM:
        raise Invalid([Fault("case_id", "mismatch")])
    reason = find_premature_reason(report.type, certification_of(session, case))
    return ParsedEvent(case, build_portal_fact(report, event_id), reason)


def parse_background_event(report: BackgroundReport, case: Case, received_at: datetime) -> ParsedEvent:
    """What a background report means; only a completed one counts (A14)."""
    return ParsedEvent(case, build_check_fact(report, received_at), find_unfinished_reason(report))


def lock_checked_case(session: Session, report: BackgroundReport) -> Case:
    """The case whose check was ordered under the vendor's candidate, or is just being ordered under its own id.

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
    return lock_case(session, order.case_id)


def find_ticket(session: Session, vendor: str, hashed: str) -> TicketRow:
    """A vendor's launch ticket by its hash. Raises `Invalid` where there is none of theirs (B14)."""
    ticket = session.get(TicketRow, hashed)
    if ticket is None or ticket.vendor != vendor:
        raise Invalid([Fault("ticket", "ticket_unknown")])
    return ticket


def parse_vendor_event(
    session: Session, ticket: TicketRow, report: VendorReport, case: Case, received_at: datetime
) -> ParsedEvent:
    """What a completion means, which counts once a ticket. Raises `Invalid` for another course's or an unused one."""
    check_ticket(report, ticket.curriculum, redeemed=ticket.redeemed_at is not None)
    fact = build_completion_fact(report, ticket.token_hash, ticket.vendor, received_at)
    again = session.get(FactRow, fact.id) is not None
    return ParsedEvent(case, fact, Reason("reported_before") if again else None)


def parse_altered_event(session: Session, row: AlteredEvent) -> tuple[Event, ParsedEvent]:
    """An event that was kept aside, as a new one with an id of its own, under the rules of every other one.

    Raises `Invalid` naming the field where it doesn't fit its case.
    """
    document, source = read_json(row.body["text"].encode()), EventSource(row.source)
    event_id = f"altered:{row.id}:{row.event_id}"
    if source is EventSource.LMS:
        event_id = str(uuid5(UUID(row.event_id), f"altered:{row.id}"))
        (statement,) = parse_statements({**document, "id": event_id})
        parsed = parse_lms_event(session, statement, row.received_at)
        kind, digest = statement.verb, statement.digest
    elif source is EventSource.PORTAL:
        report, digest = parse_portal_report(document)
        parsed, kind = parse_portal_event(session, report, event_id), report.type
    elif source is EventSource.BACKGROUND_CHECKS:
        background = parse_background_report({**document, "id": event_id})
        parsed = parse_background_event(background, lock_checked_case(session, background), row.received_at)
        kind, digest = background.type, background.digest
    else:
        vendor, _, given = row.event_id.partition(":")
        event_id = f"{vendor}:altered:{row.id}:{given}"
        completed, digest = parse_vendor_report(document)
        ticket = find_ticket(session, vendor, completed.ticket)  # of which the hash was kept
        case = lock_case(session, ticket.case_id)
        parsed, kind = parse_vendor_event(session, ticket, completed, case, row.received_at), completed.type
    return Event(source, event_id, parsed.case.case_id, kind, digest, document), parsed


def _lock_case(session: Session, case_id: str, name: str) -> Case:
    try:
        return lock_case(session, case_id)
    except UnknownCase:
        raise Invalid([Fault(name, "mismatch")]) from None
