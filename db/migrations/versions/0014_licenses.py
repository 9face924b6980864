"""The watch over licences: who is watched, which calls were made, which reports were read, what rounds came to."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0015"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds four tables; the first round takes in everybody who is certified."""
    op.create_table(
        "watched_license",
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), primary_key=True),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("npn", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("answered_on", sa.Date()),
        sa.Column("expires_on", sa.Date()),
        sa.Column("suspension_id", sa.String()),
        sa.Column("subscription", sa.Integer()),
        sa.Column("ended", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_watched_license_npn", "watched_license", ["npn"])
    op.create_index("ix_watched_license_due", "watched_license", ["program", "due_on", "npn"])
    op.create_index("ix_watched_license_expiry", "watched_license", ["expires_on", "case_id"])
    op.create_index("ix_watched_license_subscription", "watched_license", ["subscription", "npn"])
    op.create_table(
        "registry_call",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("npn", sa.String(), primary_key=True),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("suspended", sa.Integer(), nullable=False),
        sa.Column("restored", sa.Integer(), nullable=False),
    )
    op.create_table(
        "alert_report",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("named", sa.Integer(), nullable=False),
        sa.Column("read_at", INSTANT, nullable=False),
    )
    op.create_table(
        "license_round",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
    )
