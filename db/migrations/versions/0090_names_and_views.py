"""Staff by name, the access log by views, and the reference numbers of requests that were sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0094"


def upgrade() -> None:
    """Adds columns and a table: names as far as sessions have them; every access of before is a view of its own."""
    op.add_column("staff_account", sa.Column("name", sa.String()))
    op.execute(
        "UPDATE staff_account SET name = (SELECT staff_session.name FROM staff_session "
        "WHERE staff_session.actor = staff_account.actor ORDER BY staff_session.created_at DESC LIMIT 1)"
    )
    op.add_column("look", sa.Column("is_further", sa.Boolean()))
    op.create_index("ix_look_at", "look", ["at"])
    op.add_column("request_answer", sa.Column("reference", sa.String()))
    op.create_table(
        "reference_alias",
        sa.Column("alias_id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_reference_alias_case_id", "reference_alias", ["case_id"])
