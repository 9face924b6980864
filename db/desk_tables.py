"""The tables of staff's desk: what they write to each other about a case."""

from datetime import datetime

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
    """Who has a case on their desk and since when; it keeps nobody from anything, and is over after a while."""

    __tablename__ = "case_assignment"
    case_id: str = Field(primary_key=True, foreign_key="assister_case.case_id")
    actor: str
    since: datetime = Field(sa_type=Utc)
