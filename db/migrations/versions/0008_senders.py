"""Reports that can't be counted are kept for staff; an event kept aside says who sent it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds a table, and the sender of what is kept aside, which is not known of what is there already."""
    op.create_table(
        "uncounted_report",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("case_id", sa.String()),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String()),
        sa.UniqueConstraint("sender", "digest"),
    )
    op.create_index("ix_uncounted_report_case_id", "uncounted_report", ["case_id"])
    op.create_index("ix_uncounted_report_open", "uncounted_report", ["settled_at", "id"])
    op.add_column("altered_event", sa.Column("sender", sa.String()))
