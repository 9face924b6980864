"""Files of imports that are still to be taken, so that a worker that is restarted goes on with them."""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0073"


def upgrade() -> None:
    """Adds a table, empty: a file is there until its last row is taken."""
    op.create_table(
        "import_file",
        sa.Column("import_id", sa.String(), sa.ForeignKey("import_batch.id"), primary_key=True),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
