"""The notes of staff about a case; no document for outside reads them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import list_rows
from db.desk_tables import CaseNote


def list_notes(session: Session, case_id: str) -> list[CaseNote]:
    """A case's notes, the newest first."""
    ours = select(CaseNote).where(col(CaseNote.case_id) == case_id)
    return list_rows(session, ours.order_by(col(CaseNote.at).desc(), col(CaseNote.id)))


def count_notes(session: Session, case_id: str) -> int:
    """How many notes a case has."""
    query = select(func.count()).select_from(CaseNote).where(col(CaseNote.case_id) == case_id)
    return session.execute(query).scalar_one()
