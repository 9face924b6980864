"""The facts that folds need, kept beside the facts; those of cases of before are chosen when they are needed first.

A fact takes what is kept of its case away, and whoever writes the fact puts the new choice in its place. So nothing
here is ever older than the facts, though a release that doesn't know this table writes them beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds a table, empty, and the trigger that keeps it from growing old."""
    op.create_table(
        "condensed_facts",
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), primary_key=True),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
    )
    forget = "DELETE FROM condensed_facts WHERE case_id = NEW.case_id"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER fact_condensed AFTER INSERT ON fact BEGIN {forget}; END")
        return
    op.execute(
        "CREATE FUNCTION forget_condensed_facts() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {forget}; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER fact_condensed AFTER INSERT ON fact FOR EACH ROW EXECUTE FUNCTION forget_condensed_facts()"
    )
