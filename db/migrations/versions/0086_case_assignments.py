"""Who has a case on their desk."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    """Adds a table, empty."""
    op.create_table(
        "case_assignment",
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), primary_key=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
