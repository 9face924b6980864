"""The table of claims on NPNs."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from db.tables import Utc

_PROVEN = text("state = 'proven'")


class NpnClaim(SQLModel, table=True):
    """Somebody says an NPN is theirs: claimed, proven, or from before claims were proven (D2, D3)."""

    __tablename__ = "npn_claim"
    __table_args__ = (
        UniqueConstraint("assister_id", "npn"),
        # The first who proves an NPN has it, whoever proves it at the same moment.
        Index("ix_npn_claim_owner", "npn", unique=True, sqlite_where=_PROVEN, postgresql_where=_PROVEN),
        Index("ix_npn_claim_npn", "npn"),
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
