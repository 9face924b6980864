"""The user ID a code was asked for by, which the page shows in place of the address."""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0087"


def upgrade() -> None:
    """Adds a column, empty."""
    op.add_column("one_time_code", sa.Column("user_id", sa.String(), nullable=True))
