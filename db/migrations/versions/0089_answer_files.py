"""Documents that come with the answer to a question of staff (A12)."""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0089"
down_revision = "0092"


def upgrade() -> None:
    """Adds a table, empty, whose rows can't be changed."""
    op.create_table(
        "answer_file",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("case_id", "question", "number"),
        sa.UniqueConstraint("case_id", "question", "sha256"),
    )
    refuse_changes("answer_file")
