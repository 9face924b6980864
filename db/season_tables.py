"""The tables of seasons: which there were, and what became of each person in them."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from db.tables import Utc


class Season(SQLModel, table=True):
    """The season of a program and plan year: its state is what counts, whatever its workflow knows (E9)."""

    __tablename__ = "season"
    program: str = Field(primary_key=True)
    plan_year: int = Field(primary_key=True)
    state: str = Field(description="running, paused, cancelled or finished")
    opened_at: datetime = Field(sa_type=Utc)
    opened_by: str
    people: int = Field(description="how many took part in earlier years when it was opened")
    after: str = Field(default="", description="id of the assister up to whom everybody was gone through")
    changed_at: datetime = Field(sa_type=Utc, description="when its state last changed")


class SeasonEntry(SQLModel, table=True):
    """What became of one person in a season; never changed."""

    __tablename__ = "season_entry"
    __table_args__ = (
        # Counts and the list of who was left out are read from these alone.
        Index("ix_season_entry_outcome", "program", "plan_year", "outcome", "reason", "assister_id"),
        Index("ix_season_entry_at", "program", "plan_year", "at"),
        Index("ix_season_entry_assister", "assister_id"),
    )
    program: str = Field(primary_key=True)
    plan_year: int = Field(primary_key=True)
    assister_id: str = Field(primary_key=True, foreign_key="assister.assister_id")
    outcome: str
    reason: str | None = Field(default=None, description="why somebody was left out")
    case_id: str | None = None
    at: datetime = Field(sa_type=Utc)
