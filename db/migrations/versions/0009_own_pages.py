"""One-time codes, sessions on one's own pages, and identities that open these; nothing of before is changed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds three tables, empty."""
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("browser_hash", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("code_hash", sa.String()),
        sa.Column("expires_at", INSTANT),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", INSTANT),
        sa.Column("next_attempt_at", INSTANT),
    )
    unsent = sa.text("next_attempt_at IS NOT NULL")
    op.create_index("ix_one_time_code_asked_at", "one_time_code", ["asked_at"])
    op.create_index("ix_one_time_code_browser", "one_time_code", ["browser_hash", "asked_at"])
    op.create_index(
        "ix_one_time_code_unsent", "one_time_code", ["next_attempt_at"], sqlite_where=unsent, postgresql_where=unsent
    )
    op.create_table(
        "own_session",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_own_session_expires_at", "own_session", ["expires_at"])
    op.create_table(
        "own_identity",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), nullable=False),
        sa.Column("email", sa.String()),
        sa.Column("linked_at", INSTANT, nullable=False),
    )
    op.create_index("ix_own_identity_assister_id", "own_identity", ["assister_id"])
