"""What an event of a third party means for its case: its fact, or why it doesn't count; nothing is stored here."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import UnknownCase, certification_of, federal_policy_of, list_rows, policy_of
from db.tables import AlteredEvent, Assister, Case, FactRow, TicketRow
from db.writes.background_checks import find_order
from db.writes.facts import lock_case
from domain.federal.mlms_statements import build_course_fact
from domain.federal.vendor_reports import VendorReport, build_completion_fact, check_ticket, parse_vendor_report
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import Fact
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDED
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import Statement, parse_statements, renumber_statement
from domain.shared.policy import find_local_date
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.senders import ReportKind, Sender, check_report
from domain.state.adverse_actions import build_vendor_dispute
from domain.state.background_reports import (
    BackgroundReport,
    build_check_fact,
    find_outdated_reason,
    find_unfinished_reason,
    parse_background_report,
    read_order_number,
)
from domain.state.lms_statements import build_lms_fact, list_lms_activities
from domain.state.portal_reports import PortalReport, build_portal_fact, find_premature_reason, parse_portal_report

# A person has a case each plan year; more than this many with one address are nobody's in particular.
_MOST_CASES = 50


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


def find_reported_case(session: Session, statement: Statement, sender: Sender) -> str:
    """The id of the case a statement is about: the one it names, else the person's only one that has this activity.

    Raises `Invalid` naming the field of the person where that is none or several (P7).
    """
    if statement.case_id is not None:
        return statement.case_id
    if statement.email:
        whose = and_(func.lower(col(Assister.email)) == statement.email, col(Assister.lms_account).is_not(None))
    else:
        whose = or_(col(Assister.assister_id) == statement.account, col(Assister.lms_account) == statement.account)
    query = select(Case).join(Assister, col(Assister.assister_id) == col(Case.assister_id)).where(whose)
    cases = list_rows(session, query.where(col(Case.program) == sender.program).limit(_MOST_CASES))
    activity = sender.activities.get(statement.object_id, statement.object_id)
    found = [case for case in cases if activity in _list_activities(session, case)]
    still_open = [case for case in found if case.stage not in ENDED]
    one = still_open or found
    if len(one) != 1:
        raise Invalid([Fault(statement.person_field, "no_single_case")])
    case_id: str = one[0].case_id
    return case_id


def _list_activities(session: Session, case: Case) -> Collection[str]:
    """By which the statements of a case's plan year are known."""
    if case.program == FEDERAL_PROGRAM:
        return federal_policy_of(session, case).mlms.courses.values()
    return list_lms_activities(policy_of(session, case))


def parse_lms_event(
    session: Session, statement: Statement, sender: Sender, received_at: datetime, *, vouched: bool = False
) -> ParsedEvent:
    """What a statement means; ``vouched`` where staff say that it is about the person of its case.

    Raises `Invalid` naming the field where it doesn't fit its case (A20, C4), and `ForbiddenReport` where the sender
    may not report it (D7).
    """
    case_id = find_reported_case(session, statement, sender)
    case = _lock_case(session, case_id, statement.dialect.case or statement.person_field)
    person = session.get_one(Assister, case.assister_id)
    # Whom we invited goes by our id there; an account of earlier years keeps its own name.
    accounts = frozenset(name for name in (person.assister_id, person.lms_account) if name)
    email = person.email
    if vouched:
        accounts, email = accounts | {statement.account}, statement.email
    if case.program == FEDERAL_PROGRAM:
        policy = federal_policy_of(session, case)
        return ParsedEvent(case, build_course_fact(statement, policy, sender, accounts, received_at, email))
    state_policy = policy_of(session, case)
    return ParsedEvent(case, build_lms_fact(statement, state_policy, sender, accounts, received_at, email))


def parse_portal_event(
    session: Session, report: PortalReport, event_id: str, sender: Sender, received_at: datetime
) -> ParsedEvent:
    """What a portal report means; a premature one doesn't count (A24). Raises `Invalid`, and `ForbiddenReport`."""
    case = _lock_case(session, report.case_id, "case_id")
    check_report(sender, case.program, ReportKind.PORTAL)
    reason = find_premature_reason(report.type, certification_of(session, case))
    return ParsedEvent(case, build_portal_fact(report, event_id, received_at), reason)


def parse_background_event(session: Session, report: BackgroundReport, received_at: datetime) -> ParsedEvent:
    """What a background report means; it counts of the check that counts, on who the request is of now (A14, D5).

    Raises `Invalid` where no check was ordered that it may be about.
    """
    order = find_order(session, report)
    case, inputs = lock_case(session, order.case_id), order.data.get("inputs")
    number, state = read_order_number(order.key), certification_of(session, case)
    check = state.check
    if report.is_dispute and find_outdated_reason(inputs, number, check) is None:
        today = find_local_date(policy_of(session, case), received_at)
        dispute = build_vendor_dispute(case.case_id, state.adverse_action, check, report, received_at, today)
        if dispute is not None:
            return ParsedEvent(case, dispute)
    reason = find_unfinished_reason(report) or find_outdated_reason(inputs, number, check)
    return ParsedEvent(case, build_check_fact(report, received_at, inputs, number), reason)


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


def parse_altered_event(session: Session, row: AlteredEvent, sender: Sender) -> tuple[Event, ParsedEvent]:
    """An event that was kept aside, as a new one with an id of its own, under the rules of every other one.

    Raises `Invalid` naming the field where it doesn't fit its case, and `ForbiddenReport`.
    """
    document, source = read_json(row.body["text"].encode()), EventSource(row.source)
    event_id = f"altered:{row.id}:{row.event_id}"
    if source is EventSource.LMS:
        event_id = renumber_statement(row.event_id, f"altered:{row.id}")
        (found,) = parse_statements(document, sender.dialect, sender.zone)
        statement = replace(found, id=event_id)
        parsed = parse_lms_event(session, statement, sender, row.received_at)
        kind, digest = describe_statement(statement), statement.digest
    elif source is EventSource.PORTAL:
        report, digest = parse_portal_report(document, sender.zone)
        parsed, kind = parse_portal_event(session, report, event_id, sender, row.received_at), report.type
    elif source is EventSource.BACKGROUND_CHECKS:
        background = parse_background_report({**document, "id": event_id})
        parsed = parse_background_event(session, background, row.received_at)
        kind, digest = background.type, background.digest
    else:
        vendor, _, given = row.event_id.partition(":")
        event_id = f"{vendor}:altered:{row.id}:{given}"
        completed, digest = parse_vendor_report(document, sender.zone)
        ticket = find_ticket(session, vendor, completed.ticket)  # of which the hash was kept
        case = lock_case(session, ticket.case_id)
        parsed, kind = parse_vendor_event(session, ticket, completed, case, row.received_at), completed.type
    return Event(source, event_id, parsed.case.case_id, kind, digest, document), parsed


def describe_statement(statement: Statement) -> str:
    """What a statement reports, in a word: its verb in xAPI's words, where it is one of those."""
    return statement.meanings[0] if statement.meanings else statement.verb


def _lock_case(session: Session, case_id: str, name: str) -> Case:
    try:
        return lock_case(session, case_id)
    except UnknownCase:
        raise Invalid([Fault(name, "mismatch")]) from None
