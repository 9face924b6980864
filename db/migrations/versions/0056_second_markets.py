"""Of registrations from before claims were proven: what is completed from now on waits for the proof, and only that.

Before this, a registration that had completed a market completed the next one without a proof.
"""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0011"

CASE = sa.table(
    "assister_case",
    sa.column("assister_id"),
    sa.column("program"),
    sa.column("stage"),
    sa.column("request", sa.JSON()),
    sa.column("npn_unproven", sa.Boolean()),
    sa.column("npn_legacy", sa.Boolean()),
)
CLAIM = sa.table("npn_claim", sa.column("assister_id"), sa.column("npn"), sa.column("state"))
ENDED = ("denied", "withdrawn", "revoked", "closed")


def upgrade() -> None:
    """Adds a column, and marks the open registrations whose NPN nobody has proven."""
    op.add_column("assister_case", sa.Column("npn_legacy", sa.Boolean(), nullable=False, server_default=sa.false()))
    is_legacy = sa.exists().where(
        CLAIM.c.assister_id == CASE.c.assister_id,
        CLAIM.c.npn == CASE.c.request["npn"].as_string(),
        CLAIM.c.state == "unproven_legacy",
    )
    is_open = CASE.c.program == "ffm", CASE.c.stage.not_in(ENDED), CASE.c.npn_unproven.is_(sa.false())
    op.execute(sa.update(CASE).values(npn_legacy=sa.true()).where(*is_open, is_legacy))
