"""How often a registry that was silent has been asked about an NPN, so that it is asked later and later (D2)."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    """Adds a column; nothing was counted before."""
    op.add_column("npn_claim", sa.Column("lookups", sa.Integer(), nullable=False, server_default=sa.text("0")))
