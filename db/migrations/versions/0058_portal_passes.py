"""What assisters give a portal that acts for them in one registration; nothing of before is changed."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds a table, empty: until somebody gives a portal a pass, it acts for nobody."""
    op.create_table(
        "portal_pass",
        sa.Column("pass_hash", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("portal", sa.String(), nullable=False),
        sa.Column("session_hash", sa.String(), nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.UniqueConstraint("id", name="uq_portal_pass_id"),
    )
    op.create_index("ix_portal_pass_case_id", "portal_pass", ["case_id"])
    op.create_index("ix_portal_pass_expires_at", "portal_pass", ["expires_at"])


def downgrade() -> None:
    """Takes the table away: no portal acts for anybody then."""
    op.drop_table("portal_pass")
