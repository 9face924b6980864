"""The tables of imports: each as a whole, what it brought of whom and refused, and its file while that is taken."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary
from sqlmodel import Field, SQLModel

from db.tables import Utc


class ImportBatch(SQLModel, table=True):
    """One import of earlier years, which can be undone as a whole (E10)."""

    __tablename__ = "import_batch"
    id: str = Field(primary_key=True)
    state: str = Field(description="running, done or undone; one that was cut off stays running")
    actor: str
    columns: list[str] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="of a CSV, as it has them"
    )
    started_at: datetime = Field(sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc, description="when it was done, then when undone")


class ImportRow(SQLModel, table=True):
    """What became of one row: taken, kept for staff as a conflict, or refused."""

    __tablename__ = "import_row"
    __table_args__ = (
        Index("ix_import_row_outcome", "import_id", "outcome", "number"),
        Index("ix_import_row_assister", "assister_id", "import_id"),
    )
    import_id: str = Field(primary_key=True, foreign_key="import_batch.id")
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    outcome: str = Field(description="new, known, conflict or refused")
    assister_id: str | None = Field(default=None, description="whom it is about; no key, since they may be undone")
    added: dict[str, Any] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="what somebody known before got by it: names only"
    )
    digest: str | None = Field(default=None, description="of a conflict, by which it is kept for staff")
    cells: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True), description="of a refused row")
    faults: list[Any] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="field, code and details of each"
    )


class ReceivedFile(SQLModel, table=True):
    """A CSV that was sent and is still to be taken; deleted with its last row, or when its import is undone."""

    __tablename__ = "import_file"
    import_id: str = Field(primary_key=True, foreign_key="import_batch.id")
    program: str = Field(description="of the rows that name none")
    rows: int = Field(description="how many it has")
    content: bytes = Field(sa_type=LargeBinary)
