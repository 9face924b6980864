"""What the workers have seen of each third party, and an index of the effects that are still to be made."""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0077"


def upgrade() -> None:
    """Adds a table, empty: a third party is in it once it is called."""
    op.create_table(
        "third_party",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("failure_code", sa.String()),
        sa.Column("silent_since", sa.DateTime(timezone=True)),
    )
    undone = sa.text("result IS NULL")
    op.create_index(
        "ix_effect_undone",
        "effect",
        ["kind", "intended_at", "case_id"],
        sqlite_where=undone,
        postgresql_where=undone,
    )
