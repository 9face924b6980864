"""Claims on NPNs: those of before are unproven, and open cases without a certificate wait for the proof.

A certificate says as what its holder was certified; rows of before can't be changed, and say what the case does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)
ENDED = ("denied", "withdrawn", "revoked", "closed")
CASE = sa.table(
    "assister_case",
    sa.column("case_id"),
    sa.column("assister_id"),
    sa.column("stage"),
    sa.column("opened_at", INSTANT),
    sa.column("request", sa.JSON()),
    sa.column("npn_unproven"),
)
ASSISTER = sa.table("assister", sa.column("assister_id"), sa.column("npn"), sa.column("created_at", INSTANT))
CLAIM = sa.table(
    "npn_claim",
    sa.column("id"),
    sa.column("assister_id"),
    sa.column("npn"),
    sa.column("state"),
    sa.column("claimed_at", INSTANT),
    sa.column("contested_at", INSTANT),
)
CERTIFICATE = sa.table("certificate", sa.column("case_id"))
FACT = sa.table("fact", sa.column("case_id"), sa.column("kind"))


def upgrade() -> None:
    """Adds a table and three columns; everybody with an NPN claims it, and nobody has proven it.

    A case claims the NPN of its own request, which need not be its person's. One that has ended, has a certificate or
    has completed a market keeps what it has.
    """
    op.add_column("certificate", sa.Column("kind", sa.String()))
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
        sa.Column("contact_emails", sa.JSON()),
        sa.Column("registered_name", sa.JSON()),
        sa.Column("lookup_due_at", INSTANT),
        sa.Column("contested_at", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.UniqueConstraint("assister_id", "npn"),
    )
    proven = sa.text("state = 'proven'")
    op.create_index("ix_npn_claim_npn", "npn_claim", ["npn"])
    op.create_index(
        "ix_npn_claim_owner", "npn_claim", ["npn"], unique=True, sqlite_where=proven, postgresql_where=proven
    )
    contested = sa.text("contested_at IS NOT NULL AND settled_at IS NULL")
    op.create_index(
        "ix_npn_claim_contested", "npn_claim", ["contested_at"], sqlite_where=contested, postgresql_where=contested
    )
    lookup = sa.text("lookup_due_at IS NOT NULL")
    op.create_index("ix_npn_claim_lookup", "npn_claim", ["lookup_due_at"], sqlite_where=lookup, postgresql_where=lookup)
    legacy = sa.text("state = 'unproven_legacy'")
    op.create_index("ix_npn_claim_legacy", "npn_claim", ["id"], sqlite_where=legacy, postgresql_where=legacy)
    op.add_column("assister_case", sa.Column("npn_unproven", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("assister_case", sa.Column("first_email", sa.String()))
    _bring_claims_along()


def _bring_claims_along() -> None:
    npn = CASE.c.request["npn"].as_string()
    is_open = CASE.c.stage.not_in(ENDED), npn.is_not(None)
    legacy = sa.literal("unproven_legacy")
    known = sa.select(ASSISTER.c.assister_id, ASSISTER.c.npn, legacy, ASSISTER.c.created_at)
    asked = sa.select(CASE.c.assister_id, npn, legacy, sa.func.min(CASE.c.opened_at))
    is_known = sa.exists().where(ASSISTER.c.assister_id == CASE.c.assister_id, ASSISTER.c.npn == npn)
    columns = ["assister_id", "npn", "state", "claimed_at"]
    op.execute(CLAIM.insert().from_select(columns, known.where(ASSISTER.c.npn.is_not(None))))
    op.execute(CLAIM.insert().from_select(columns, asked.where(*is_open, ~is_known).group_by(CASE.c.assister_id, npn)))
    # Who asked with the NPN of somebody known: staff look at both.
    first = CLAIM.alias()
    is_second = sa.exists().where(first.c.npn == CLAIM.c.npn, first.c.id < CLAIM.c.id)
    op.execute(sa.update(CLAIM).values(contested_at=CLAIM.c.claimed_at).where(is_second))
    keeps = sa.exists().where(CERTIFICATE.c.case_id == CASE.c.case_id) | sa.exists().where(
        FACT.c.case_id == CASE.c.case_id, FACT.c.kind == "market_completed"
    )
    op.execute(sa.update(CASE).values(npn_unproven=sa.true()).where(*is_open, ~keeps))
