"""What webhooks bring: stored, checked against its case and made a fact before it is acknowledged (C3–C5)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import CaseSnapshot, UnknownCase, list_rows, one_or_none
from db.tables import AlteredEvent, Case, InboxRow
from db.writes.background_checks import show_check
from db.writes.facts import append_to_case, lock_case, raise_flag, record_audit
from db.writes.recovery.deliveries import forget_event_failures
from db.writes.webhooks.events import (
    Event,
    ParsedEvent,
    describe_statement,
    find_reported_case,
    find_ticket,
    parse_background_event,
    parse_lms_event,
    parse_portal_event,
    parse_vendor_event,
)
from db.writes.webhooks.uncounted import keep_uncounted
from domain.federal.vendor_reports import VendorReport
from domain.shared.cases.events import PREMATURE, EventSource, EventState, find_event_state, find_reason_without_effect
from domain.shared.cases.facts import Fact
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import write_exact
from domain.shared.documents.statements import ReadStatement, number_faults
from domain.shared.ids import hash_token
from domain.shared.senders import ForbiddenReport, ReportKind, Sender, check_report
from domain.state.background_reports import BackgroundReport
from domain.state.portal_reports import PortalReport

ALTERED_EVENT, PREMATURE_REPORT = "altered_event", "premature_report"
_SAME_EVENT = select(InboxRow).where(
    col(InboxRow.source) == bindparam("source"), col(InboxRow.event_id) == bindparam("event_id")
)


@dataclass
class Received:
    """What became of a body: which of its reports came before with other content, and which are to be delivered.

    ``snapshots`` are the cases of those that are new, by their ids, as they are with the new facts. ``faults`` are
    those of reports that can't be counted, of which ``kept`` are kept aside for staff; ``forbidden`` is how many of
    them the sender may not report at all. ``taken`` counts those that were taken, now or before.
    """

    altered: bool = False
    repeated: bool = False
    to_deliver: list[InboxRow] = field(default_factory=list)
    snapshots: dict[str, CaseSnapshot] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    kept: int = 0
    forbidden: int = 0
    taken: int = 0


def accept_statements(session: Session, sender: Sender, read: Sequence[ReadStatement], now: datetime) -> Received:
    """Takes the statements of a body, each for itself: what can't be counted keeps no other from being taken (P4).

    It is kept aside for staff, unless it is of a kind on which nobody acts. Raises `ForbiddenReport` where the sender
    may report none of them.
    """
    received = Received()
    events, unclear = _list_statement_events(session, sender, read)
    # Locked in the order of their ids: two lists about the same cases would else wait for each other.
    named = {read[number].case_id for number, _ in unclear} - {None}
    for case_id in sorted({event.case_id for _, event in events} | {str(one) for one in named}):
        with suppress(UnknownCase):
            lock_case(session, case_id)
    for number, invalid in unclear:
        _put_aside(session, sender, read, number, invalid, now, received)
    fresh = _sort_out(session, sender, [event for _, event in events], now, received)
    facts: dict[str, tuple[Case, list[Fact]]] = {}
    before = received.taken
    for number, event in events:
        if event not in fresh:
            continue
        fresh.remove(event)
        statement = read[number].statement
        assert statement is not None, "events are of statements that were read"
        try:
            parsed = parse_lms_event(session, statement, sender, now)
        except (Invalid, ForbiddenReport) as refused:
            _put_aside(session, sender, read, number, refused, now, received)
            continue
        received.taken += 1
        if row := store_event(session, event, parsed, sender.actor, now):
            received.to_deliver.append(row)
            facts.setdefault(parsed.case.case_id, (parsed.case, []))[1].append(parsed.fact)
    received.repeated = before > 0 and received.taken == before
    if received.forbidden and received.forbidden == len(read):
        raise ForbiddenReport(sender)
    for case, fresh_facts in facts.values():
        received.snapshots[case.case_id] = append_to_case(session, case, fresh_facts, now)
    return received


def _list_statement_events(
    session: Session, sender: Sender, read: Sequence[ReadStatement]
) -> tuple[list[tuple[int, Event]], list[tuple[int, Invalid]]]:
    """The statements that can be read and are about a case, with their numbers in the body; and why others aren't."""
    events, unclear = [], []
    for number, one in enumerate(read):
        statement = one.statement
        try:
            if statement is None:
                raise Invalid(one.faults)
            case_id = find_reported_case(session, statement, sender)
        except Invalid as invalid:
            unclear.append((number, invalid))
            continue
        kind = describe_statement(statement)
        events.append((number, Event(EventSource.LMS, statement.id, case_id, kind, statement.digest, one.document)))
    return events, unclear


def _put_aside(
    session: Session,
    sender: Sender,
    read: Sequence[ReadStatement],
    number: int,
    refused: Invalid | ForbiddenReport,
    now: datetime,
    received: Received,
) -> None:
    """Notes why a report isn't counted, and keeps it for staff, who could count it once that is mended."""
    if isinstance(refused, ForbiddenReport):
        received.forbidden += 1
        received.faults += number_faults([Fault("body", "forbidden")], number, len(read))
        return
    received.faults += number_faults(refused.faults, number, len(read))
    statement = read[number].statement
    if statement is not None and not statement.meanings:
        return  # a record store forwards everything: what nobody acts on wants nothing from anybody
    received.kept += keep_uncounted(session, sender, read[number], refused.faults, now)


def accept_portal_report(
    session: Session,
    sender: Sender,
    event_id: str,
    report: PortalReport,
    digest: str,
    body: dict[str, Any],
    now: datetime,
) -> Received:
    """Takes the portal's report; a premature one is kept without effect and flagged to staff (A24).

    Raises `Invalid` and `ForbiddenReport`.
    """
    event = Event(EventSource.PORTAL, event_id, report.case_id, report.type, digest, body)
    received = Received()
    if _sort_out(session, sender, [event], now, received):
        parsed = parse_portal_event(session, report, event_id, sender, now)
        _accept(session, event, parsed, sender, now, received)
    return received


def accept_background_report(session: Session, sender: Sender, report: BackgroundReport, now: datetime) -> Received:
    """Takes an event of the background-check vendor; only a completed report is a fact (A14)."""
    parsed = parse_background_event(session, report, now)
    check_report(sender, parsed.case.program, ReportKind.BACKGROUND_CHECKS)
    source = EventSource.BACKGROUND_CHECKS
    event = Event(source, report.event_id, parsed.case.case_id, report.type, report.digest, report.kept())
    received = Received()
    if _sort_out(session, sender, [event], now, received):
        _accept(session, event, parsed, sender, now, received)
        if received.snapshots:
            show_check(session, parsed.case, received.snapshots[event.case_id].certification.check, now)
    return received


def accept_vendor_report(
    session: Session,
    sender: Sender,
    event_id: str,
    report: VendorReport,
    digest: str,
    body: dict[str, Any],
    now: datetime,
) -> Received:
    """Takes a vendor's completion report; its ticket says whose course it was (B13–B15).

    Raises `Invalid` naming the field where the ticket is another vendor's or curriculum's, or was never used, and
    `ForbiddenReport`.
    """
    kept = {**body, "ticket": hash_token(report.ticket)}
    ticket = find_ticket(session, sender.id, hash_token(report.ticket))
    case = lock_case(session, ticket.case_id)
    check_report(sender, case.program, ReportKind.VENDOR)
    event = Event(EventSource.VENDORS, f"{sender.id}:{event_id}", case.case_id, report.type, digest, kept)
    received = Received()
    if _sort_out(session, sender, [event], now, received):
        _accept(session, event, parse_vendor_event(session, ticket, report, case, now), sender, now, received)
    return received


def mark_delivered(session: Session, row_ids: Sequence[int], now: datetime, reason: Reason | None = None) -> None:
    """The workflow has been told, or there is none any more (then with the reason)."""
    forget_event_failures(session, row_ids, now)
    values = {"state": EventState.DELIVERED, **_noted(reason)}
    session.execute(update(InboxRow).where(col(InboxRow.id).in_(row_ids)).values(values))


def store_event(session: Session, event: Event, parsed: ParsedEvent, actor: str, now: datetime) -> InboxRow | None:
    """Stores a new event with its audit row, by whom it was sent: the row if its fact counts.

    What speaks against it is kept for staff.
    """
    case, fact = parsed.case, parsed.fact
    reason = find_reason_without_effect(case.stage, parsed.reason)
    row = InboxRow(
        source=event.source,
        event_id=event.id,
        case_id=case.case_id,
        kind=fact.kind,
        digest=event.digest,
        fact_id=None if reason else fact.id,
        state=find_event_state(reason),
        received_at=now,
        **_noted(reason),
    )
    session.add(row)
    if reason is not None and reason.code in PREMATURE:
        raise_flag(case, PREMATURE_REPORT, now)
        session.add(case)
    action = f"webhook.{event.kind.rsplit('/', 1)[-1]}"
    details = {"event_id": event.id, **({"note": reason} if reason else {}), **_audited(fact)}
    record_audit(session, now, actor, action, case, fact.data.get("reason"), **details)
    return None if reason else row


def _accept(
    session: Session, event: Event, parsed: ParsedEvent, sender: Sender, now: datetime, received: Received
) -> None:
    received.taken += 1
    if row := store_event(session, event, parsed, sender.actor, now):
        received.to_deliver.append(row)
        received.snapshots[event.case_id] = append_to_case(session, parsed.case, [parsed.fact], now)


def _sort_out(
    session: Session, sender: Sender, events: Sequence[Event], now: datetime, received: Received
) -> list[Event]:
    """Tells new events from repeats and altered ones; those are kept aside, and keep no other from being taken."""
    fresh: list[Event] = []
    repeats, altered = 0, []
    seen: dict[str, str] = {}
    for event in events:
        row = one_or_none(session, _SAME_EVENT, source=event.source, event_id=event.id)
        before = row.digest if row else seen.get(event.id)
        if before is None:
            fresh.append(event)
            seen[event.id] = event.digest
        elif before != event.digest:
            altered.append((event, row.case_id if row else event.case_id))
        else:
            repeats += 1
            if row is not None and row.state == EventState.PENDING:
                received.to_deliver.append(row)
    for event, case_id in altered:
        _keep_altered(session, sender, event, case_id, now)
    received.altered = bool(altered)
    received.repeated = bool(repeats) and not fresh
    received.taken += repeats
    return fresh


def _keep_altered(session: Session, sender: Sender, event: Event, case_id: str, now: datetime) -> None:
    kept = {"text": write_exact(event.body)}
    same = select(AlteredEvent).where(col(AlteredEvent.source) == event.source, col(AlteredEvent.event_id) == event.id)
    if any(one.body == kept for one in list_rows(session, same)):
        return  # it is sent again since it was refused
    session.add(
        AlteredEvent(
            source=event.source,
            event_id=event.id,
            case_id=case_id,
            body=kept,
            received_at=now,
            sender=sender.id,
        )
    )
    case = session.get(Case, case_id, with_for_update=True)
    if case is not None:
        raise_flag(case, ALTERED_EVENT, now)
        session.add(case)
        record_audit(session, now, sender.actor, "webhook.altered", case, Reason("altered_event"), event_id=event.id)


def _noted(reason: Reason | None) -> dict[str, Any]:
    """Why an event has no effect, as it is stored: for people who read the table, and for pages in their language."""
    if reason is None:
        return {"note": None, "note_code": None, "note_details": None}
    return {"note": reason.sentence(), "note_code": reason.code, "note_details": dict(reason.details)}


def _audited(fact: Fact) -> dict[str, Any]:
    return {name: fact.data[name] for name in ("score", "passed", "result") if name in fact.data}
