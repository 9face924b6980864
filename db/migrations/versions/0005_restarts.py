"""Workflows begun again, deliveries that failed, and what the last reconciliation came to; cases stay as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds three columns and two tables."""
    op.add_column("assister_case", sa.Column("restarts", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("assister_case", sa.Column("restarted_at", INSTANT))
    op.add_column("assister_case", sa.Column("reports_wanted", sa.JSON()))
    op.create_table(
        "delivery_failure",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("item", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT),
    )
    op.create_index("ix_delivery_failure_case_id", "delivery_failure", ["case_id"])
    op.create_table(
        "reconciliation",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("finished_at", INSTANT, nullable=False),
        sa.Column("thorough", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("unknown", sa.JSON(), nullable=False),
    )
