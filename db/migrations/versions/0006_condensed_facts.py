"""The facts that folds need, kept beside the facts; those of cases of before are chosen when they are needed first."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds a table, empty."""
    op.create_table(
        "condensed_facts",
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), primary_key=True),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
    )
