"""The place of each certificate in the status lists of badges."""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0063"


def upgrade() -> None:
    """Adds a table, empty: a certificate has its place once its badge is asked for."""
    op.create_table(
        "badge_entry",
        sa.Column("entry", sa.Integer(), primary_key=True),
        sa.Column("number", sa.String(), sa.ForeignKey("certificate.number"), nullable=False),
        sa.UniqueConstraint("number", name="uq_badge_entry_number"),
    )
