"""What was stored and still waits: for Temporal to be told, or for staff to look at it; lists only, no rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from db.case_state import rows
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.engine import Database
from db.tables import AlteredEvent, Case, CommandRow, InboxRow

PENDING, DELIVERED, WITHOUT_EFFECT = "pending", "delivered", "without_effect"
HELD = (PENDING, WITHOUT_EFFECT)


@dataclass(frozen=True)
class Held:
    """An event that was stored and not delivered: pending, or without effect and then why (``note``)."""

    id: int
    source: str
    event_id: str
    case_id: str
    kind: str
    state: str
    note: str | None
    received_at: datetime


@dataclass(frozen=True)
class Altered:
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


class Outstanding:
    """Reads of what waits, for the courier; and the one write that says it is done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self, limit: int = 500) -> list[InboxRow]:
        """Events not yet told to their workflows, oldest first."""
        async with self._database.open_reader() as session:
            return await session.run_sync(
                rows, select(InboxRow).where(col(InboxRow.state) == PENDING).order_by(col(InboxRow.id)).limit(limit)
            )

    async def addressee(self, row: InboxRow) -> Case:
        """The case an event is about."""
        async with self._database.open_reader() as session:
            return await session.get_one(Case, row.case_id)

    async def delivered(self, row_id: int, note: str | None = None) -> None:
        """The workflow has been told, or there is none any more (then with a note)."""
        async with self._database.open_writer() as session:
            await session.execute(update(InboxRow).where(col(InboxRow.id) == row_id).values(state=DELIVERED, note=note))

    async def pending_commands(self, before: datetime) -> list[CommandRow]:
        """Commands kept and not yet answered, given before this instant."""
        async with self._database.open_reader() as session:
            query = select(CommandRow).where(col(CommandRow.state) == "pending", col(CommandRow.created_at) < before)
            return await session.run_sync(rows, query.order_by(col(CommandRow.created_at)).limit(500))

    async def not_begun(self, before: datetime) -> list[Case]:
        """Cases whose workflow has not claimed them, opened before this instant."""
        async with self._database.open_reader() as session:
            query = select(Case).where(
                col(Case.run_id).is_(None), col(Case.opened_at) < before, col(Case.stage) == "requested"
            )
            return await session.run_sync(rows, query.order_by(col(Case.opened_at)).limit(500))


_HELD = [getattr(InboxRow, name) for name in Held.__annotations__]


def held_page(session: Session, after: Cursor | None, limit: int, states: Sequence[str] = HELD) -> Page[Held]:
    """Events held, newest first. Raises `Invalid` for a cursor that is none."""

    def fetch(key: int | None, back: bool, most: int) -> list[Held]:
        found = [one for state in states for one in _of_state(session, state, key, back, most)]
        return sorted(found, key=lambda one: one.id, reverse=not back)[:most]

    return page_of(NUMBERS, lambda one: one.id, fetch, after, limit)


def _of_state(session: Session, state: str, key: int | None, back: bool, most: int) -> Iterable[Held]:
    """Those of one state: an index has them in their order, which it hasn't for several."""
    query: Any = select(*_HELD).where(col(InboxRow.state) == state).limit(most)
    return [Held(*row) for row in session.execute(_nearest(query, col(InboxRow.id), key, back))]


def held_of(session: Session, case_id: str) -> list[Held]:
    """The events held of a case, oldest first."""
    query: Any = select(*_HELD).where(col(InboxRow.case_id) == case_id, col(InboxRow.state).in_(HELD))
    return [Held(*row) for row in session.execute(query.order_by(col(InboxRow.id)))]


def altered_page(session: Session, after: Cursor | None, limit: int) -> Page[Altered]:
    """Events kept aside, newest first. Raises `Invalid` for a cursor that is none."""

    def fetch(key: int | None, back: bool, most: int) -> list[Altered]:
        return _altered(session, _nearest(_kept_aside(), col(AlteredEvent.id), key, back).limit(most))

    return page_of(NUMBERS, lambda one: one.id, fetch, after, limit)


def altered_of(session: Session, case_id: str) -> list[Altered]:
    """The events kept aside of a case, oldest first."""
    return _altered(session, _kept_aside().where(col(AlteredEvent.case_id) == case_id).order_by(col(AlteredEvent.id)))


def altered_event(session: Session, number: int) -> Altered | None:
    """One event kept aside; None where there is none of this number."""
    return next(iter(_altered(session, _kept_aside().where(col(AlteredEvent.id) == number))), None)


def _kept_aside() -> Any:
    first = aliased(InboxRow)
    same = (first.source == AlteredEvent.source) & (first.event_id == AlteredEvent.event_id)
    shown = [getattr(first, name) for name in ("kind", "state", "received_at")]
    query: Any = select(AlteredEvent, *shown)
    return query.outerjoin(first, same)


def _altered(session: Session, query: Any) -> list[Altered]:
    return [
        Altered(
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


def _nearest(query: Any, number: Any, key: int | None, back: bool) -> Any:
    if key is not None:
        query = query.where(number > key if back else number < key)
    return query.order_by(number if back else number.desc())
