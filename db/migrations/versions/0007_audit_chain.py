"""The chain of daily digests over the audit, calls counted for all processes together, staff by their provider.

Evidence, certificates and e-mails are never changed either.
"""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0007"
down_revision = "0006"

APPEND_ONLY = ("audit_digest", "certificate", "evidence", "sent_mail")


def upgrade() -> None:
    """Adds three tables, empty: the first digests cover the days of before."""
    op.create_table(
        "audit_digest",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "call_count",
        sa.Column("what", sa.String(), primary_key=True),
        sa.Column("caller", sa.String(), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "staff_account",
        sa.Column("issuer", sa.String(), primary_key=True),
        sa.Column("subject", sa.String(), primary_key=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("actor"),
    )
    op.create_index("ix_call_count_expires_at", "call_count", ["expires_at"])
    for table in APPEND_ONLY:
        refuse_changes(table)
