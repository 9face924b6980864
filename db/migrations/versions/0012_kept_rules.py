"""The rules of cases by the hash of what they say, in a table of their own; cases of before keep those of their rows.

Workers and web of before read a policy from each case: they are stopped for this one.
"""

import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0012"
down_revision = "0016"

INSTANT = sa.DateTime(timezone=True)
# What was kept with cases and is no rule of theirs.
NO_RULES = ("contacts", "resources", "referrals", "links", "help_desk")
CASE = sa.table(
    "assister_case",
    sa.column("program"),
    sa.column("plan_year", sa.Integer()),
    sa.column("policy", sa.JSON()),
    sa.column("rules_hash"),
    sa.column("opened_at", INSTANT),
)


def upgrade() -> None:
    """Adds a table and a column, fills both from the policies in the cases' rows, and drops these."""
    table = op.create_table(
        "kept_rules",
        sa.Column("rules_hash", sa.String(), primary_key=True),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("plan_year", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("kept_at", INSTANT, nullable=False),
    )
    op.add_column("assister_case", sa.Column("rules_hash", sa.String(), nullable=False, server_default=""))
    kept: set[str] = set()
    written = sa.cast(CASE.c.policy, sa.Text())
    found = sa.select(written, CASE.c.program, CASE.c.plan_year, sa.func.min(CASE.c.opened_at))
    for policy, program, plan_year, since in (
        op.get_bind().execute(found.group_by(written, CASE.c.program, CASE.c.plan_year)).all()
    ):
        document = json.loads(policy)
        rules = {name: value for name, value in document.items() if name not in NO_RULES}
        text = json.dumps(rules, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        rules_hash = sha256(text.encode()).hexdigest()
        if rules_hash not in kept:
            kept.add(rules_hash)
            row = {"rules_hash": rules_hash, "program": program, "plan_year": plan_year, "rules": rules}
            op.bulk_insert(table, [{**row, "kept_at": since}])
        op.execute(sa.update(CASE).values(rules_hash=rules_hash).where(written == policy))
    op.drop_column("assister_case", "policy")
    refuse_changes("kept_rules")
