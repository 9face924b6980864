"""The tables of the watch over licences (E1): whose is watched, the calls that were made, and what rounds came to."""

from datetime import date, datetime

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from db.tables import Utc


class WatchedLicense(SQLModel, table=True):
    """A certified case whose licence is watched, until the case has ended or its certificate has expired."""

    __tablename__ = "watched_license"
    __table_args__ = (
        Index("ix_watched_license_due", "program", "due_on", "npn"),
        Index("ix_watched_license_expiry", "expires_on", "case_id"),
        Index("ix_watched_license_subscription", "subscription", "npn"),
    )
    case_id: str = Field(primary_key=True, foreign_key="assister_case.case_id")
    program: str
    npn: str = Field(index=True)
    due_on: date = Field(description="when the registry is to be asked about it next")
    answered_on: date | None = Field(default=None, description="when the registry last answered about it")
    expires_on: date | None = Field(default=None, description="the licence's last day, as the registry said then")
    suspension_id: str | None = Field(default=None, description="the suspension that its lapse has brought about")
    subscription: int | None = Field(
        default=None, description="in which of our subscriptions the registry's alerts name it; none until they do"
    )
    ended: bool = Field(default=False, description="watched no more: its subscription is still to be told")


class RegistryCall(SQLModel, table=True):
    """A look-up of the watch, written down before it is made: it is billed, and not made twice on a day."""

    __tablename__ = "registry_call"
    day: date = Field(primary_key=True)
    npn: str = Field(primary_key=True)
    program: str = Field(description="whose bound it counts against")
    made_at: datetime = Field(sa_type=Utc)
    answered: bool = Field(default=False, description="whether an answer came that could be read")
    suspended: int = Field(default=0, description="how many cases it has suspended")
    restored: int = Field(default=0, description="how many it has restored")


class AlertReport(SQLModel, table=True):
    """A day whose report of the registry's alerts has been read; a day that is missing is asked for again."""

    __tablename__ = "alert_report"
    day: date = Field(primary_key=True)
    named: int = Field(description="how many NPNs of ours it named")
    read_at: datetime = Field(sa_type=Utc)


class LicenseRoundRow(SQLModel, table=True):
    """What the licence round of a day came to."""

    __tablename__ = "license_round"
    day: date = Field(primary_key=True)
    began_at: datetime = Field(sa_type=Utc)
    finished_at: datetime = Field(sa_type=Utc)
    counts: dict[str, int] = Field(sa_type=JSON)
