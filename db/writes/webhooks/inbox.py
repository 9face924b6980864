"""What webhooks bring: stored, checked against its case and made a fact before it is acknowledged (C3–C5)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import CaseSnapshot, UnknownCase, one_or_none
from db.tables import AlteredEvent, Case, InboxRow
from db.writes.facts import append_to_case, lock_case, raise_flag, record_audit
from db.writes.recovery.deliveries import forget_event_failures
from db.writes.webhooks.events import (
    Event,
    ParsedEvent,
    find_ticket,
    lock_checked_case,
    parse_background_event,
    parse_lms_event,
    parse_portal_event,
    parse_vendor_event,
)
from domain.federal.vendor_reports import VendorReport
from domain.shared.cases.events import PREMATURE, EventSource, EventState, find_reason_without_effect
from domain.shared.cases.facts import Fact
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import write_exact
from domain.shared.documents.statements import Statement
from domain.shared.ids import hash_token
from domain.state.background_reports import BackgroundReport
from domain.state.portal_reports import PortalReport

ALTERED_EVENT, PREMATURE_REPORT = "altered_event", "premature_report"
_SAME_EVENT = select(InboxRow).where(
    col(InboxRow.source) == bindparam("source"), col(InboxRow.event_id) == bindparam("event_id")
)


@dataclass
class Received:
    """What became of a webhook: whether its id came before with another body, and which events are to be delivered.

    ``snapshots`` are the cases of those that are new, by their ids, as they are with the new facts.
    """

    altered: bool = False
    repeated: bool = False
    to_deliver: list[InboxRow] = field(default_factory=list)
    snapshots: dict[str, CaseSnapshot] = field(default_factory=dict)


def accept_statements(
    session: Session, statements: Sequence[Statement], documents: Sequence[dict[str, Any]], now: datetime
) -> Received:
    """Takes a list of statements, all or none. Raises `Invalid` naming the field where one doesn't fit its case."""
    events = [
        Event(EventSource.LMS, one.id, one.case_id, one.verb, one.digest, document)
        for one, document in zip(statements, documents, strict=True)
    ]
    # Locked in the order of their ids: two lists about the same cases would else wait for each other.
    for case_id in sorted({event.case_id for event in events}):
        with suppress(UnknownCase):
            lock_case(session, case_id)
    fresh, received = _sort_out(session, events, now)
    faults: list[Fault] = []
    facts: dict[str, tuple[Case, list[Fact]]] = {}
    for number, (statement, event) in enumerate(zip(statements, events, strict=True)):
        if received.altered or event not in fresh:
            continue
        fresh.remove(event)
        try:
            parsed = parse_lms_event(session, statement, now)
        except Invalid as invalid:
            prefix = "" if len(statements) == 1 else f"{number}."
            faults += [Fault(prefix + fault.field, fault.code, fault.details) for fault in invalid.faults]
            continue
        if row := store_event(session, event, parsed, now):
            received.to_deliver.append(row)
            facts.setdefault(parsed.case.case_id, (parsed.case, []))[1].append(parsed.fact)
    if faults:
        raise Invalid(faults)
    for case, fresh_facts in facts.values():
        received.snapshots[case.case_id] = append_to_case(session, case, fresh_facts, now)
    return received


def accept_portal_report(
    session: Session, event_id: str, report: PortalReport, digest: str, body: dict[str, Any], now: datetime
) -> Received:
    """Takes the portal's report; a premature one is kept without effect and flagged to staff (A24)."""
    event = Event(EventSource.PORTAL, event_id, report.case_id, report.type, digest, body)
    fresh, received = _sort_out(session, [event], now)
    if fresh:
        _accept(session, event, parse_portal_event(session, report, event_id), now, received)
    return received


def accept_background_report(session: Session, report: BackgroundReport, now: datetime) -> Received:
    """Takes an event of the background-check vendor; only a completed report is a fact (A14)."""
    case = lock_checked_case(session, report)
    source = EventSource.BACKGROUND_CHECKS
    event = Event(source, report.event_id, case.case_id, report.type, report.digest, report.kept())
    fresh, received = _sort_out(session, [event], now)
    if fresh:
        _accept(session, event, parse_background_event(report, case, now), now, received)
    return received


def accept_vendor_report(
    session: Session,
    vendor: str,
    event_id: str,
    report: VendorReport,
    digest: str,
    body: dict[str, Any],
    now: datetime,
) -> Received:
    """Takes a vendor's completion report; its ticket says whose course it was (B13–B15).

    Raises `Invalid` naming the field where the ticket is another vendor's or curriculum's, or was never used.
    """
    kept = {**body, "ticket": hash_token(report.ticket)}
    ticket = find_ticket(session, vendor, hash_token(report.ticket))
    case = lock_case(session, ticket.case_id)
    event = Event(EventSource.VENDORS, f"{vendor}:{event_id}", case.case_id, report.type, digest, kept)
    fresh, received = _sort_out(session, [event], now)
    if fresh:
        _accept(session, event, parse_vendor_event(session, ticket, report, case, now), now, received)
    return received


def mark_delivered(session: Session, row_ids: Sequence[int], now: datetime, reason: Reason | None = None) -> None:
    """The workflow has been told, or there is none any more (then with the reason)."""
    forget_event_failures(session, row_ids, now)
    values = {"state": EventState.DELIVERED, **_noted(reason)}
    session.execute(update(InboxRow).where(col(InboxRow.id).in_(row_ids)).values(values))


def store_event(session: Session, event: Event, parsed: ParsedEvent, now: datetime) -> InboxRow | None:
    """Stores a new event with its audit row: the row if its fact counts. What speaks against it is kept for staff."""
    case, fact = parsed.case, parsed.fact
    reason = find_reason_without_effect(case.stage, parsed.reason)
    row = InboxRow(
        source=event.source,
        event_id=event.id,
        case_id=case.case_id,
        kind=fact.kind,
        digest=event.digest,
        fact_id=None if reason else fact.id,
        state=EventState.WITHOUT_EFFECT if reason else EventState.PENDING,
        received_at=now,
        **_noted(reason),
    )
    session.add(row)
    if reason is not None and reason.code in PREMATURE:
        raise_flag(case, PREMATURE_REPORT, now)
        session.add(case)
    action = f"webhook.{event.kind.rsplit('/', 1)[-1]}"
    details = {"event_id": event.id, **({"note": reason} if reason else {}), **_audited(fact)}
    record_audit(session, now, event.source, action, case, fact.data.get("reason"), **details)
    return None if reason else row


def _accept(session: Session, event: Event, parsed: ParsedEvent, now: datetime, received: Received) -> None:
    if row := store_event(session, event, parsed, now):
        received.to_deliver.append(row)
        received.snapshots[event.case_id] = append_to_case(session, parsed.case, [parsed.fact], now)


def _sort_out(session: Session, events: Sequence[Event], now: datetime) -> tuple[list[Event], Received]:
    """Tells new events from repeats and altered ones; those are kept aside, and then nothing else is taken."""
    fresh: list[Event] = []
    altered = []
    undelivered: list[InboxRow] = []
    seen: dict[str, str] = {}
    for event in events:
        row = one_or_none(session, _SAME_EVENT, source=event.source, event_id=event.id)
        before = row.digest if row else seen.get(event.id)
        if before is None:
            fresh.append(event)
            seen[event.id] = event.digest
        elif before != event.digest:
            altered.append((event, row.case_id if row else event.case_id))
        elif row is not None and row.state == EventState.PENDING:
            undelivered.append(row)
    for event, case_id in altered:
        _keep_aside(session, event, case_id, now)
    if altered:
        return [], Received(altered=True)
    return fresh, Received(repeated=not fresh, to_deliver=undelivered)


def _keep_aside(session: Session, event: Event, case_id: str, now: datetime) -> None:
    kept = {"text": write_exact(event.body)}
    session.add(AlteredEvent(source=event.source, event_id=event.id, case_id=case_id, body=kept, received_at=now))
    case = session.get(Case, case_id, with_for_update=True)
    if case is not None:
        raise_flag(case, ALTERED_EVENT, now)
        session.add(case)
        record_audit(session, now, event.source, "webhook.altered", case, Reason("altered_event"), event_id=event.id)


def _noted(reason: Reason | None) -> dict[str, Any]:
    """Why an event has no effect, as it is stored: for people who read the table, and for pages in their language."""
    if reason is None:
        return {"note": None, "note_code": None, "note_details": None}
    return {"note": reason.sentence(), "note_code": reason.code, "note_details": dict(reason.details)}


def _audited(fact: Fact) -> dict[str, Any]:
    return {name: fact.data[name] for name in ("score", "passed", "result") if name in fact.data}
