"""Staff settle a report that was kept aside: it is counted once what was wrong is mended, or dismissed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import one_or_none
from db.tables import Assister, InboxRow, UncountedReport
from db.writes.facts import append_facts, lock_case, record_audit, record_person_audit, unflag_locked_case
from db.writes.imports import join_record
from db.writes.webhooks.events import Event, describe_statement, parse_lms_event
from db.writes.webhooks.inbox import store_event
from db.writes.webhooks.releases import Release, UnknownEvent
from db.writes.webhooks.uncounted import IMPORTED, REQUESTED, UNCOUNTED_REPORT
from domain.programs.imports import parse_import
from domain.shared.cases.events import EventSource, find_reason_without_effect, find_release_refusal
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import parse_statements
from domain.shared.senders import ForbiddenReport, Sender


@dataclass(frozen=True)
class Settlement:
    """How staff settle a report: whether it is counted, of which case where they say so, by whom and why."""

    count: bool
    actor: str
    reason: str
    case_id: str | None = None


def settle_report(
    session: Session, row_id: int, settlement: Settlement, senders: Mapping[str, Sender], now: datetime
) -> Release:
    """Counts a report by the rules of every other one, or dismisses it; what is to be delivered, or why it can't be.

    Who names the case vouches for whose report it is. Raises `UnknownEvent`; `Invalid` without a reason, or naming
    the fields for which it still can't be counted.
    """
    if not settlement.reason.strip():
        raise Invalid([Fault("reason", "required")])
    row = session.get(UncountedReport, row_id, with_for_update=True)
    if row is None:
        raise UnknownEvent(row_id)
    if row.settled_at is not None:
        return Release(refused=Reason("webhook_settled"))
    release = _count_report(session, row, settlement, senders, now) if settlement.count else Release()
    if release.refused is not None:
        return release
    row.settled_at, row.outcome = now, "counted" if settlement.count else "dismissed"
    session.add(row)
    session.flush()
    _record_settlement(session, row, settlement, now)
    return release


def _count_report(
    session: Session, row: UncountedReport, settlement: Settlement, senders: Mapping[str, Sender], now: datetime
) -> Release:
    if row.sender == IMPORTED:
        (imported,) = parse_import([read_json(row.body["text"].encode())])
        join_record(session, session.get_one(Assister, row.body["assister_id"]), imported, settlement.actor, now)
        return Release()
    if row.sender == REQUESTED:
        return Release(refused=Reason("request_not_countable"))
    sender = senders.get(row.sender)
    if sender is None:
        return Release(refused=Reason("sender_gone"))
    (statement,) = parse_statements(read_json(row.body["text"].encode()), sender.dialect, sender.zone)
    vouched = settlement.case_id is not None
    if vouched:
        statement = replace(statement, case_id=settlement.case_id)
    before = select(InboxRow).where(col(InboxRow.source) == EventSource.LMS, col(InboxRow.event_id) == statement.id)
    if one_or_none(session, before) is not None:
        return Release()  # it was sent again meanwhile, and taken then
    try:
        parsed = parse_lms_event(session, statement, sender, row.received_at, vouched=vouched)
    except ForbiddenReport:
        return Release(refused=Reason("sender_may_not"))
    refused = find_release_refusal(find_reason_without_effect(parsed.case.stage, parsed.reason))
    if refused is not None:
        return Release(refused=refused)
    kind, case_id = describe_statement(statement), parsed.case.case_id
    event = Event(EventSource.LMS, statement.id, case_id, kind, statement.digest, {})
    stored = store_event(session, event, parsed, sender.actor, now)
    append_facts(session, parsed.case, [parsed.fact], now)
    row.case_id = row.case_id or case_id
    return Release([stored] if stored else ())


def _record_settlement(session: Session, row: UncountedReport, settlement: Settlement, now: datetime) -> None:
    """Who settled it and why; the flag of its case comes down with the last one."""
    action, reason = f"webhook.{row.outcome}", settlement.reason.strip()
    if row.case_id is None:
        details, whose = {"sender": row.sender, "report": row.id}, row.body.get("assister_id")
        record_person_audit(session, now, settlement.actor, action, whose, reason, **details)
        return
    case = lock_case(session, row.case_id)
    record_audit(session, now, settlement.actor, action, case, reason, sender=row.sender, report=row.id)
    left = (col(UncountedReport.case_id) == row.case_id, col(UncountedReport.settled_at).is_(None))
    has_more = one_or_none(session, select(UncountedReport).where(*left).limit(1)) is not None
    if not has_more:
        unflag_locked_case(session, case, UNCOUNTED_REPORT, now)
