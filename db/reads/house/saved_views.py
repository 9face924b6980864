"""The views of the queue that somebody of staff has saved."""

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.house_tables import SavedView


def list_views(session: Session, actor: str) -> list[SavedView]:
    """A person's own views, by their names."""
    return list_rows(session, select(SavedView).where(col(SavedView.actor) == actor).order_by(col(SavedView.name)))
