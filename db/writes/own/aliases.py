"""The numbers that confirmations of requests sent again have shown, by which staff find the case there was before."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.own_tables import ReferenceAlias

# Who sends a request again and again has as many; no further one is found.
MOST = 50


def keep_alias(session: Session, alias_id: str, case_id: str, now: datetime) -> None:
    """Has the reference number that is made of ``alias_id`` lead to a case; once, and for so many numbers a case."""
    if session.get(ReferenceAlias, alias_id) is not None:
        return
    known = select(func.count()).select_from(ReferenceAlias).where(col(ReferenceAlias.case_id) == case_id)
    if session.execute(known).scalar_one() < MOST:
        session.add(ReferenceAlias(alias_id=alias_id, case_id=case_id, at=now))
