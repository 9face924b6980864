"""Letters that came back after the mail server had taken them, and what it carries."""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0086"


def upgrade() -> None:
    """Adds a table, empty, an index by which kept letters are found, and a column that the next worker fills."""
    op.create_table(
        "returned_letter",
        sa.Column("message_id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("delayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_returned_letter_case_id", "returned_letter", ["case_id"])
    op.create_index("ix_returned_letter_returned_at", "returned_letter", ["returned_at"])
    op.create_index("ix_sent_mail_message_id", "sent_mail", ["message_id"])
    op.add_column("third_party", sa.Column("carries_letters", sa.Boolean(), nullable=True))
