"""The tables of what went wrong between the database and Temporal: no personal data, and no facts."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from db.tables import Utc


class DeliveryFailure(SQLModel, table=True):
    """What Temporal could not be told yet: how often it was tried, and when it is tried next; never where given up.

    Kinds are start, event, command, and workflow: nothing reaches this case's workflow for the time being; and claim:
    its workflow was started, and hasn't claimed the case yet.
    """

    __tablename__ = "delivery_failure"
    kind: str = Field(primary_key=True)
    item: str = Field(primary_key=True, description="id of the case, the event or the command")
    case_id: str = Field(foreign_key="assister_case.case_id", index=True)
    failures: int
    code: str = Field(description="of the last failure")
    failed_at: datetime = Field(sa_type=Utc)
    next_attempt_at: datetime | None = Field(default=None, sa_type=Utc)


class ReconciliationRow(SQLModel, table=True):
    """The last reconciliation of open cases with their workflows, and what it came to."""

    __tablename__ = "reconciliation"
    number: int = Field(primary_key=True)
    finished_at: datetime = Field(sa_type=Utc)
    thorough: bool
    counts: dict[str, int] = Field(sa_type=JSON)
    unknown: list[str] = Field(sa_type=JSON, description="workflows that run and have no case, the first ones")
