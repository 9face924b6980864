"""Views of the queue that somebody of staff goes back to, by their names: kept, replaced, and dropped; audited."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.house_tables import SavedView
from db.tables import AuditRow

MOST_VIEWS = 20  # of one person
LONGEST_NAME = 60


def save_view(session: Session, actor: str, name: str, query: str, now: datetime) -> bool:
    """Keeps a view under a name, in the place of the one that has it; False where the person has too many already."""
    kept = session.get(SavedView, (actor, name))
    if kept is not None and kept.query == query:
        return True
    if kept is None:
        number = session.execute(select(func.count()).where(col(SavedView.actor) == actor)).scalar_one()
        if number >= MOST_VIEWS:
            return False
        kept = SavedView(actor=actor, name=name, query=query, saved_at=now)
    kept.query, kept.saved_at = query, now
    session.add(kept)
    _audit_view(session, kept, "view.saved", now)
    return True


def drop_view(session: Session, actor: str, name: str, now: datetime) -> None:
    """Drops one of somebody's own views; one that isn't there is gone already."""
    kept = session.get(SavedView, (actor, name))
    if kept is not None:
        session.delete(kept)
        _audit_view(session, kept, "view.dropped", now)


def _audit_view(session: Session, view: SavedView, action: str, now: datetime) -> None:
    details = {"name": view.name, "query": view.query}
    session.add(AuditRow(at=now, actor=view.actor, action=action, details=details))
