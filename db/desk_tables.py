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
