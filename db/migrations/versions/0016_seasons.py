"""Seasons, and what became of each person in them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0058"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds two tables."""
    op.create_table(
        "season",
        sa.Column("program", sa.String(), primary_key=True),
        sa.Column("plan_year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
    )
    op.create_table(
        "season_entry",
        sa.Column("program", sa.String(), primary_key=True),
        sa.Column("plan_year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), primary_key=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("case_id", sa.String()),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index(
        "ix_season_entry_outcome", "season_entry", ["program", "plan_year", "outcome", "reason", "assister_id"]
    )
    op.create_index("ix_season_entry_at", "season_entry", ["program", "plan_year", "at"])
    op.create_index("ix_season_entry_assister", "season_entry", ["assister_id"])
