"""The chain of daily digests over the audit; and evidence, certificates and e-mails are never changed either."""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0007"
down_revision = "0006"

APPEND_ONLY = ("audit_digest", "certificate", "evidence", "sent_mail")


def upgrade() -> None:
    """Adds a table, empty: the first digests cover the days of before."""
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
    for table in APPEND_ONLY:
        refuse_changes(table)
