"""Appeals and their evidence (E5–E7); nothing of before is changed."""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0015"
down_revision = "0012"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds two tables, empty; files of evidence can't be changed."""
    op.create_table(
        "appeal",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("appealed", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("filed_at", INSTANT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("overdue_at", INSTANT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.UniqueConstraint("case_id", "number"),
    )
    is_open, is_untold = sa.text("state = 'open'"), sa.text("told < version")
    op.create_index("ix_appeal_open", "appeal", ["due_at"], sqlite_where=is_open, postgresql_where=is_open)
    op.create_index("ix_appeal_untold", "appeal", ["changed_at"], sqlite_where=is_untold, postgresql_where=is_untold)
    op.create_table(
        "appeal_file",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("appeal_id", sa.Integer(), sa.ForeignKey("appeal.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=False),
        sa.Column("submitted_at", INSTANT, nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.UniqueConstraint("appeal_id", "number"),
        sa.UniqueConstraint("appeal_id", "sha256"),
    )
    refuse_changes("appeal_file")
