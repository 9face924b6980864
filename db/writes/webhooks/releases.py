"""Staff have a webhook's event delivered all the same (docs/decisions/0018)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import one_or_none
from db.tables import AlteredEvent, Case, InboxRow
from db.writes.facts import append_facts, lock_case, record_audit, unflag_locked_case
from db.writes.webhooks.events import parse_altered_event
from db.writes.webhooks.inbox import ALTERED_EVENT, store_event
from domain.shared.cases.events import (
    find_altered_refusal,
    find_delivery_refusal,
    find_reason_without_effect,
    find_release_refusal,
)
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.senders import ForbiddenReport, ReportKind, Sender

TABLES: dict[str, type[InboxRow] | type[AlteredEvent]] = {"held": InboxRow, "altered": AlteredEvent}


@dataclass(frozen=True)
class Release:
    """What is to be delivered now, or why nothing may be."""

    to_deliver: Sequence[InboxRow] = ()
    refused: Reason | None = None


class UnknownEvent(LookupError):
    """There is no such event."""


def release_event(
    session: Session, row_id: int, kind: str, actor: str, reason: str, senders: Mapping[str, Sender], now: datetime
) -> Release:
    """What is to be delivered now: of a "held" event itself, if it is pending; of an "altered" one a new event.

    An altered event is read as its sender is known today, by its id in ``senders``.

    A refusal is audited too. Raises `Invalid` without a reason, or naming the fields by which an altered event doesn't
    fit its case; `UnknownEvent`.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid([Fault("reason", "required")])
    row: Any = session.get(TABLES[kind], row_id)
    if row is None:
        raise UnknownEvent(row_id)
    case = lock_case(session, row.case_id)
    session.refresh(row)  # somebody else may have had it delivered before the case was ours
    release = _release_held(row) if kind == "held" else _release_altered(session, case, row, senders, now)
    what = {"source": row.source, "event_id": row.event_id}
    if release.refused is not None:
        record_audit(session, now, actor, "webhook.release_refused", case, reason, answer=release.refused, **what)
        return release
    record_audit(session, now, actor, "webhook.released", case, reason, **what)
    if kind == "altered" and not _has_more_altered(session, case):
        unflag_locked_case(session, case, ALTERED_EVENT, now)
    return release


def _release_held(row: InboxRow) -> Release:
    refused = find_delivery_refusal(row.state, row.note_code)
    return Release(refused=refused) if refused else Release([row])


def _release_altered(
    session: Session, case: Case, row: AlteredEvent, senders: Mapping[str, Sender], now: datetime
) -> Release:
    refused = find_altered_refusal(case.stage, taken=row.released_at is not None, kept="text" in row.body)
    if refused is not None:
        return Release(refused=refused)
    # Before senders were told apart, whoever sent it might report anything of its case.
    sender = senders.get(row.sender) if row.sender else Sender(row.source, case.program, frozenset(ReportKind))
    if sender is None:
        return Release(refused=Reason("sender_gone"))
    try:
        event, parsed = parse_altered_event(session, row, sender)
    except ForbiddenReport:
        return Release(refused=Reason("sender_may_not"))
    if event.case_id != row.case_id:
        return Release(refused=Reason("webhook_other_case"))
    refused = find_release_refusal(find_reason_without_effect(case.stage, parsed.reason))
    if refused is not None:
        return Release(refused=refused)
    stored = store_event(session, event, parsed, sender.actor, now)
    append_facts(session, case, [parsed.fact], now)
    row.released_at = now
    session.add(row)
    return Release([stored] if stored else ())


def _has_more_altered(session: Session, case: Case) -> bool:
    left = select(AlteredEvent).where(
        col(AlteredEvent.case_id) == case.case_id, col(AlteredEvent.released_at).is_(None)
    )
    return one_or_none(session, left.limit(1)) is not None
