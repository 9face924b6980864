"""Letters about no case, until they are sent; of a link the letter it stands in, of a session the address of before.

Nothing of before is changed: links that were sent work until they expire.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds a table, empty, and two columns."""
    op.create_table(
        "request_answer",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("plan_year", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
    )
    op.create_index("ix_request_answer_next_attempt_at", "request_answer", ["next_attempt_at"])
    op.add_column("link", sa.Column("letter", sa.String()))
    op.add_column("own_session", sa.Column("former_email", sa.String()))
