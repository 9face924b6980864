"""The tables of appeals: who waits for which answer until when, and the evidence. What was decided is in the facts."""

from datetime import date, datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.tables import Utc

_OPEN = text("state = 'open'")
_UNTOLD = text("told < version")


class AppealRow(SQLModel, table=True):
    """An appeal of a case; follows from the case's facts, kept for the queue, the clock and telling its workflow."""

    __tablename__ = "appeal"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        Index("ix_appeal_open", "due_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_appeal_untold", "changed_at", sqlite_where=_UNTOLD, postgresql_where=_UNTOLD),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="assister_case.case_id")
    number: int = Field(description="which of the case's appeals, counted from 1")
    appealed: str = Field(description="the stage that the case had ended in")
    state: str = Field(description="open, decided or withdrawn")
    outcome: str | None = Field(default=None, description="upheld, reversed or sent_back, once it is decided")
    phase: int = 1
    filed_at: datetime = Field(sa_type=Utc)
    due_on: date = Field(description="the last day of this phase's answer")
    due_at: datetime = Field(sa_type=Utc, description="the first instant after it")
    overdue_at: datetime | None = Field(
        default=None, sa_type=Utc, description="when it was found that the last phase's answer is late"
    )
    version: int = Field(default=1, description="raised by each change")
    told: int = Field(default=0, description="the version its workflow was told last")
    changed_at: datetime = Field(sa_type=Utc)


class AppealFile(SQLModel, table=True):
    """A file of evidence, by the hash of its content; never changed, never deleted."""

    __tablename__ = "appeal_file"
    __table_args__ = (UniqueConstraint("appeal_id", "number"), UniqueConstraint("appeal_id", "sha256"))
    id: int | None = Field(default=None, primary_key=True)
    appeal_id: int = Field(foreign_key="appeal.id")
    number: int = Field(description="which of the appeal's files, counted from 1")
    name: str = Field(description="what its sender calls it; no path, never a name of a file of ours")
    media_type: str = Field(description="by its content")
    size: int
    sha256: str
    content: bytes = Field(sa_type=LargeBinary)
    submitted_by: str
    submitted_at: datetime = Field(sa_type=Utc)
    phase: int
