"""What was stored and still waits: for Temporal to be told, or for staff to look at it; lists only, no rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import String, cast, exists, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from db.case_state import list_rows
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.recovery_tables import DeliveryFailure
from db.tables import AlteredEvent, Case, CommandRow, InboxRow, UncountedReport
from domain.shared.cases.commands import CommandState
from domain.shared.cases.events import EventState
from domain.shared.cases.reasons import Reason, read_reason
from domain.shared.cases.stages import ENDED

HELD = (EventState.PENDING, EventState.WITHOUT_EFFECT)
AT_ONCE = 500


@dataclass(frozen=True)
class HeldEvent:
    """An event that was stored and not delivered: pending, or without effect and then why.

    ``note`` is what was written down then; ``note_code`` and ``note_details`` say it in codes, where there are some.
    """

    id: int
    source: str
    event_id: str
    case_id: str
    kind: str
    state: str
    note: str | None
    note_code: str | None
    note_details: Mapping[str, str] | None
    received_at: datetime

    @property
    def reason(self) -> Reason | None:
        """Why it has no effect; None where it isn't known in codes."""
        return read_reason(self.note_code, self.note_details)


@dataclass(frozen=True)
class EventKeptAside:
    """An event kept aside, since its id came before with another body; and what became of that first one.

    ``body`` is the JSON text; ``released_at`` is when staff had it taken all the same.
    """

    id: int
    source: str
    event_id: str
    case_id: str
    body: str
    received_at: datetime
    released_at: datetime | None
    first_kind: str | None
    first_state: str | None
    first_received_at: datetime | None


def list_pending_events(session: Session, now: datetime, before: datetime, limit: int = AT_ONCE) -> list[InboxRow]:
    """Events received before this instant and not yet told to their workflows that are due now, oldest first."""
    query = select(InboxRow).where(col(InboxRow.state) == EventState.PENDING, col(InboxRow.received_at) < before)
    due = _select_due(query, "event", cast(col(InboxRow.id), String), InboxRow, now)
    return list_rows(session, due.order_by(col(InboxRow.id)).limit(limit))


def list_pending_commands(session: Session, now: datetime, before: datetime) -> list[CommandRow]:
    """Commands given before this instant and not yet answered that are due now, oldest first."""
    query = select(CommandRow).where(col(CommandRow.state) == CommandState.PENDING, col(CommandRow.created_at) < before)
    due = _select_due(query, "command", col(CommandRow.id), CommandRow, now)
    return list_rows(session, due.order_by(col(CommandRow.created_at)).limit(AT_ONCE))


def list_unbegun_cases(session: Session, now: datetime, before: datetime) -> list[Case]:
    """Cases opened before this instant whose workflow has not claimed them and that are due now, oldest first.

    Of those that have ended only the ones that are begun again, for their closing actions.
    """
    query = select(Case).where(col(Case.run_id).is_(None), col(Case.opened_at) < before)
    wanted = or_(col(Case.stage).not_in(ENDED), col(Case.restarted_at).is_not(None))
    due = _select_due(
        query.where(wanted, ~_is_not_due("claim", col(Case.case_id), now)), "start", col(Case.case_id), Case, now
    )
    return list_rows(session, due.order_by(col(Case.opened_at)).limit(AT_ONCE))


def _select_due(query: Any, kind: str, item: Any, table: Any, now: datetime) -> Any:
    """Leaves out what failed and isn't due again, or was given up; and all that waits for a workflow that isn't due.

    So that a thousand that are always refused never stand before one that is not.
    """
    return query.where(~_is_not_due(kind, item, now), ~_is_not_due("workflow", col(table.case_id), now))


def _is_not_due(kind: str, item: Any, now: datetime) -> Any:
    failed = (col(DeliveryFailure.kind) == kind, col(DeliveryFailure.item) == item)
    later = or_(col(DeliveryFailure.next_attempt_at).is_(None), col(DeliveryFailure.next_attempt_at) > now)
    return exists().where(*failed, later)


def list_given_up(session: Session, limit: int) -> list[DeliveryFailure]:
    """What was refused so often that it isn't tried any more and is still to be told, the last ones first."""
    given_up = select(DeliveryFailure).where(col(DeliveryFailure.next_attempt_at).is_(None))
    return list_rows(session, given_up.order_by(col(DeliveryFailure.failed_at).desc()).limit(limit))


_HELD = [getattr(InboxRow, name) for name in HeldEvent.__annotations__]


def read_held_events(
    session: Session, after: Cursor | None, limit: int, states: Sequence[str] = HELD
) -> Page[HeldEvent]:
    """Events held, newest first. Raises `Invalid` for an invalid cursor."""

    def fetch(key: int | None, back: bool, most: int) -> list[HeldEvent]:
        found = [one for state in states for one in _list_in_state(session, state, key, back, most)]
        return sorted(found, key=lambda one: one.id, reverse=not back)[:most]

    return page_of(NUMBERS, lambda one: one.id, fetch, after, limit)


def _list_in_state(session: Session, state: str, key: int | None, back: bool, most: int) -> Iterable[HeldEvent]:
    """Those of one state: an index has them in their order, which it hasn't for several."""
    query: Any = select(*_HELD).where(col(InboxRow.state) == state).limit(most)
    return [HeldEvent(*row) for row in session.execute(_order_from(query, col(InboxRow.id), key, back))]


def list_held_events(session: Session, case_id: str) -> list[HeldEvent]:
    """The events held of a case, oldest first."""
    query: Any = select(*_HELD).where(col(InboxRow.case_id) == case_id, col(InboxRow.state).in_(HELD))
    return [HeldEvent(*row) for row in session.execute(query.order_by(col(InboxRow.id)))]


def read_altered_events(session: Session, after: Cursor | None, limit: int) -> Page[EventKeptAside]:
    """Events kept aside, newest first. Raises `Invalid` for an invalid cursor."""

    def fetch(key: int | None, back: bool, most: int) -> list[EventKeptAside]:
        return _read_altered(session, _order_from(_select_altered(), col(AlteredEvent.id), key, back).limit(most))

    return page_of(NUMBERS, lambda one: one.id, fetch, after, limit)


def list_altered_events(session: Session, case_id: str) -> list[EventKeptAside]:
    """The events kept aside of a case, oldest first."""
    return _read_altered(
        session, _select_altered().where(col(AlteredEvent.case_id) == case_id).order_by(col(AlteredEvent.id))
    )


def find_altered_event(session: Session, number: int) -> EventKeptAside | None:
    """One event kept aside; None where there is none of this number."""
    return next(iter(_read_altered(session, _select_altered().where(col(AlteredEvent.id) == number))), None)


def read_uncounted_reports(session: Session, after: Cursor | None, limit: int) -> Page[UncountedReport]:
    """Reports that can't be counted and that staff have not settled, newest first. Raises `Invalid` for a cursor."""

    def fetch(key: int | None, back: bool, most: int) -> list[UncountedReport]:
        still_open = select(UncountedReport).where(col(UncountedReport.settled_at).is_(None))
        return list_rows(session, _order_from(still_open, col(UncountedReport.id), key, back).limit(most))

    return page_of(NUMBERS, lambda one: one.id or 0, fetch, after, limit)


def list_uncounted_reports(session: Session, case_id: str) -> list[UncountedReport]:
    """The reports that name a case and can't be counted, oldest first, settled ones too."""
    of_case = select(UncountedReport).where(col(UncountedReport.case_id) == case_id)
    return list_rows(session, of_case.order_by(col(UncountedReport.id)))


def find_uncounted_report(session: Session, number: int) -> UncountedReport | None:
    """One report that can't be counted; None where there is none of this number."""
    return session.get(UncountedReport, number)


@cache  # what doesn't change from one call to the next takes longer to put together than to carry out
def _select_altered() -> Any:
    first = aliased(InboxRow)
    same = (first.source == AlteredEvent.source) & (first.event_id == AlteredEvent.event_id)
    shown = [getattr(first, name) for name in ("kind", "state", "received_at")]
    query: Any = select(AlteredEvent, *shown)
    return query.outerjoin(first, same)


def _read_altered(session: Session, query: Any) -> list[EventKeptAside]:
    return [
        EventKeptAside(
            id=row.id,
            source=row.source,
            event_id=row.event_id,
            case_id=row.case_id,
            body=row.body.get("text") or row.body["body"],
            received_at=row.received_at,
            released_at=row.released_at,
            first_kind=kind,
            first_state=state,
            first_received_at=at,
        )
        for row, kind, state, at in session.execute(query)
    ]


def _order_from(query: Any, number: Any, key: int | None, back: bool) -> Any:
    if key is not None:
        query = query.where(number > key if back else number < key)
    return query.order_by(number if back else number.desc())
