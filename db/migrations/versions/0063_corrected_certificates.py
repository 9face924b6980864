"""A certificate may supersede another one of its case and market: until now a case had one, and no second."""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0063"
down_revision = "0059"

FIRST = sa.text("supersedes IS NULL")


def upgrade() -> None:
    """Every certificate of before is the first of its case and market; what was printed stays as it is."""
    if op.get_bind().dialect.name == "sqlite":
        _make_table_anew()
    else:
        op.add_column("certificate", sa.Column("supersedes", sa.String()))
        op.drop_constraint(_find_constraint(), "certificate", type_="unique")
        op.create_unique_constraint("uq_certificate_supersedes", "certificate", ["supersedes"])
    op.create_index(
        "ix_certificate_first",
        "certificate",
        ["case_id", "market"],
        unique=True,
        sqlite_where=FIRST,
        postgresql_where=FIRST,
    )


def _find_constraint() -> str:
    """The name that PostgreSQL gave the constraint, which was made without one."""
    found = sa.inspect(op.get_bind()).get_unique_constraints("certificate")
    return next(str(one["name"]) for one in found if set(one["column_names"]) == {"case_id", "market"})


def _make_table_anew() -> None:
    """SQLite can't drop a constraint without a name."""
    op.create_table(
        "certificate_superseding",
        sa.Column("number", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("holder", sa.String()),
        sa.Column("kind", sa.String()),
        sa.Column("supersedes", sa.String()),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date()),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.UniqueConstraint("supersedes", name="uq_certificate_supersedes"),
    )
    op.execute(
        "INSERT INTO certificate_superseding "
        "(number, case_id, market, holder, kind, issued_at, valid_until, sha256, uri) "
        "SELECT number, case_id, market, holder, kind, issued_at, valid_until, sha256, uri FROM certificate"
    )
    op.drop_table("certificate")
    op.rename_table("certificate_superseding", "certificate")
    op.create_index("ix_certificate_case_id", "certificate", ["case_id"])
    refuse_changes("certificate")
