"""The tables of the house itself, about no person and no case."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from db.tables import Utc


class AuditDigest(SQLModel, table=True):
    """A day of the audit by the digest of its rows, chained to the day before; never changed, never deleted."""

    __tablename__ = "audit_digest"
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    day: date
    last_id: int = Field(description="id of its last row; its first one is the next after the day before's last")
    rows: int
    previous: str = Field(description="the digest of the day before; empty for the first")
    digest: str
    made_at: datetime = Field(sa_type=Utc)


class StaffAccount(SQLModel, table=True):
    """Somebody of staff, known by an identity provider and their subject there; ``actor`` is who the audit names."""

    __tablename__ = "staff_account"
    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    actor: str = Field(unique=True)
    roles: list[str] = Field(sa_type=JSON, description="those of the last log-in")
    first_seen_at: datetime = Field(sa_type=Utc)
    name: str | None = Field(default=None, description="what the provider called them at the last log-in")


class SavedView(SQLModel, table=True):
    """A view of the queue that somebody of staff goes back to: filters and order as an address has them, and a name."""

    __tablename__ = "saved_view"
    actor: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    query: str
    saved_at: datetime = Field(sa_type=Utc)


class CallCount(SQLModel, table=True):
    """How many calls of one kind a caller has been granted in a window of time, by all web processes together."""

    __tablename__ = "call_count"
    what: str = Field(primary_key=True)
    caller: str = Field(primary_key=True, description="a keyed hash of the network they call from")
    began_at: datetime = Field(primary_key=True, sa_type=Utc)
    calls: int
    expires_at: datetime = Field(sa_type=Utc, index=True)


class KeptRules(SQLModel, table=True):
    """The rules that cases began with, by the hash of what they say; never changed, never deleted (E12)."""

    __tablename__ = "kept_rules"
    rules_hash: str = Field(primary_key=True)
    program: str
    plan_year: int
    rules: dict[str, Any] = Field(sa_type=JSON)
    kept_at: datetime = Field(sa_type=Utc)


class ThirdPartyRow(SQLModel, table=True):
    """What the workers have seen of a third party they call: `CallsSeen` of domain/shared/third_parties.py."""

    __tablename__ = "third_party"
    name: str = Field(primary_key=True)
    succeeded_at: datetime | None = Field(default=None, sa_type=Utc)
    answered_at: datetime | None = Field(default=None, sa_type=Utc)
    failed_at: datetime | None = Field(default=None, sa_type=Utc)
    failure_code: str | None = None
    silent_since: datetime | None = Field(default=None, sa_type=Utc)
    carries_letters: bool | None = None


class ReturnedLetter(SQLModel, table=True):
    """A letter that came back, or is late, by a mail server's report; by its Message-ID, whatever it was about."""

    __tablename__ = "returned_letter"
    message_id: str = Field(primary_key=True)
    case_id: str | None = Field(default=None, index=True, description="none of letters about no case")
    status: str = Field(description="the enhanced status code of the last report that counted, or empty")
    delayed_at: datetime | None = Field(default=None, sa_type=Utc, description="when a delay was reported first")
    returned_at: datetime | None = Field(default=None, sa_type=Utc, index=True)
