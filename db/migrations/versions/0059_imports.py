"""Imports as wholes: what each brought, which rows it refused, and what one told of first, to be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0014"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds two tables and two columns; what was imported before belongs to no import, and can't be undone."""
    op.create_table(
        "import_batch",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("columns", sa.JSON()),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
    )
    op.create_table(
        "import_row",
        sa.Column("import_id", sa.String(), sa.ForeignKey("import_batch.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("assister_id", sa.String()),
        sa.Column("added", sa.JSON()),
        sa.Column("digest", sa.String()),
        sa.Column("cells", sa.JSON()),
        sa.Column("faults", sa.JSON()),
    )
    op.create_index("ix_import_row_outcome", "import_row", ["import_id", "outcome", "number"])
    op.create_index("ix_import_row_assister", "import_row", ["assister_id", "import_id"])
    for table in ("assister", "earlier_year"):
        op.add_column(table, sa.Column("import_id", sa.String()))
        op.create_index(f"ix_{table}_import_id", table, ["import_id"])
