"""Views of the queue that somebody of staff goes back to, by their names: kept and dropped; audited."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.house_tables import SavedView
from db.tables import AuditRow
from domain.shared.cases.reasons import Reason, Refusal

MOST_VIEWS = 20  # of one person
LONGEST_NAME = 60


def save_view(session: Session, actor: str, name: str, query: str, now: datetime) -> None:
    """Keeps a view under a name.

    Raises `Refusal` where the person has another view of this name, which would be lost, or too many already.
    """
    kept = session.get(SavedView, (actor, name))
    if kept is not None and kept.query == query:
        return
    if kept is not None:
        raise Refusal(Reason("view_name_used", {"name": name}))
    number = session.execute(select(func.count()).where(col(SavedView.actor) == actor)).scalar_one()
    if number >= MOST_VIEWS:
        raise Refusal(Reason("views_full", {"most": str(MOST_VIEWS)}))
    view = SavedView(actor=actor, name=name, query=query, saved_at=now)
    session.add(view)
    _audit_view(session, view, "view.saved", now)


def drop_view(session: Session, actor: str, name: str, now: datetime) -> None:
    """Drops one of somebody's own views; one that isn't there is gone already."""
    kept = session.get(SavedView, (actor, name))
    if kept is not None:
        session.delete(kept)
        _audit_view(session, kept, "view.dropped", now)


def _audit_view(session: Session, view: SavedView, action: str, now: datetime) -> None:
    details = {"name": view.name, "query": view.query}
    session.add(AuditRow(at=now, actor=view.actor, action=action, details=details))
