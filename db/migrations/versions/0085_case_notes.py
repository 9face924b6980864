"""Notes of staff about cases."""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0085"
down_revision = "0083"


def upgrade() -> None:
    """Adds a table, empty and append-only."""
    op.create_table(
        "case_note",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
    )
    op.create_index("ix_case_note_case_id", "case_note", ["case_id"])
    refuse_changes("case_note")
