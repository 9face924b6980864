"""The tables of staff's desk: what they write to each other about a case."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from db.tables import Utc


class CaseNote(SQLModel, table=True):
    """A note for staff about a case, shown to nobody else; never changed, never deleted."""

    __tablename__ = "case_note"
    id: str = Field(primary_key=True, description="of the form that was sent: sent twice, it is one note")
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    at: datetime = Field(sa_type=Utc)
    author: str
    text: str


class CaseAssignment(SQLModel, table=True):
    """Who has a case on their desk, since and until when; it keeps nobody from anything.

    Of cases that wait for a decision alone: the decision takes it away.
    """

    __tablename__ = "case_assignment"
    __table_args__ = (Index("ix_case_assignment_actor", "actor", "until", "case_id"),)
    case_id: str = Field(primary_key=True, foreign_key="assister_case.case_id")
    actor: str
    since: datetime = Field(sa_type=Utc)
    until: datetime | None = Field(
        default=None, sa_type=Utc, description="by the policy's minutes as they were; none of rows from before"
    )
