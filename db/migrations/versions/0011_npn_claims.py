"""Claims on NPNs: those of before are unproven, and open cases that have earned nothing yet wait for the proof."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds a table and two columns; everybody with an NPN claims it, and nobody has proven it.

    A case that has ended, has a certificate or has sat its exam keeps what it has.
    """
    op.create_table(
        "npn_claim",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), nullable=False),
        sa.Column("npn", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("method", sa.String()),
        sa.Column("proven_by", sa.String()),
        sa.Column("document", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("claimed_at", INSTANT, nullable=False),
        sa.Column("proven_at", INSTANT),
        sa.UniqueConstraint("assister_id", "npn"),
    )
    proven = sa.text("state = 'proven'")
    op.create_index("ix_npn_claim_npn", "npn_claim", ["npn"])
    op.create_index(
        "ix_npn_claim_owner", "npn_claim", ["npn"], unique=True, sqlite_where=proven, postgresql_where=proven
    )
    op.add_column("assister_case", sa.Column("npn_unproven", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("assister_case", sa.Column("first_email", sa.String()))
    op.execute(
        "INSERT INTO npn_claim (assister_id, npn, state, claimed_at) "
        "SELECT assister_id, npn, 'unproven_legacy', created_at FROM assister WHERE npn IS NOT NULL"
    )
    op.execute(
        "UPDATE assister_case SET npn_unproven = true "
        "WHERE stage NOT IN ('denied', 'withdrawn', 'revoked', 'closed') "
        "AND assister_id IN (SELECT assister_id FROM assister WHERE npn IS NOT NULL) "
        "AND NOT EXISTS (SELECT 1 FROM certificate WHERE certificate.case_id = assister_case.case_id) "
        "AND NOT EXISTS (SELECT 1 FROM fact WHERE fact.case_id = assister_case.case_id "
        "AND fact.kind IN ('exam_attempted', 'market_completed'))"
    )
