"""The table of claims on NPNs."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.tables import Utc

_PROVEN = text("state = 'proven'")
_CONTESTED = text("contested_at IS NOT NULL AND settled_at IS NULL")
_LOOKUP = text("lookup_due_at IS NOT NULL")
_LEGACY = text("state = 'unproven_legacy'")


class NpnClaim(SQLModel, table=True):
    """Somebody says an NPN is theirs: claimed, proven, or from before claims were proven (D2, D3)."""

    __tablename__ = "npn_claim"
    __table_args__ = (
        UniqueConstraint("assister_id", "npn"),
        # The first who proves an NPN has it, whoever proves it at the same moment.
        Index("ix_npn_claim_owner", "npn", unique=True, sqlite_where=_PROVEN, postgresql_where=_PROVEN),
        Index("ix_npn_claim_npn", "npn"),
        # What staff have to look at.
        Index("ix_npn_claim_contested", "contested_at", sqlite_where=_CONTESTED, postgresql_where=_CONTESTED),
        Index("ix_npn_claim_lookup", "lookup_due_at", sqlite_where=_LOOKUP, postgresql_where=_LOOKUP),
        Index("ix_npn_claim_legacy", "id", sqlite_where=_LEGACY, postgresql_where=_LEGACY),
    )
    id: int | None = Field(default=None, primary_key=True)
    assister_id: str = Field(foreign_key="assister.assister_id")
    npn: str
    state: str
    method: str | None = None
    proven_by: str | None = None
    document: str | None = Field(default=None, description="what staff have seen")
    reason: str | None = None
    claimed_at: datetime = Field(sa_type=Utc)
    proven_at: datetime | None = Field(default=None, sa_type=Utc)
    contact_emails: list[Any] | None = Field(
        default=None,
        sa_type=JSON(none_as_null=True),
        description="addresses at which the registry reaches the NPN's owner; none before it was asked",
    )
    registered_name: list[Any] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="first and last name the registry has for the NPN"
    )
    lookup_due_at: datetime | None = Field(
        default=None, sa_type=Utc, description="when the registry is asked for these addresses; none once it was"
    )
    lookups: int = Field(
        default=0,
        sa_column_kwargs={"server_default": text("0")},
        description="how often it could not be asked, one time after the other",
    )
    contested_at: datetime | None = Field(
        default=None, sa_type=Utc, description="since when it stands against another's claim on the same NPN"
    )
    settled_at: datetime | None = Field(
        default=None, sa_type=Utc, description="when staff decided between this claim and the other's"
    )
