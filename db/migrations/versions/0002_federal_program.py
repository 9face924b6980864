"""The federal program: a certificate for each market, launch tickets, and the published lists."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds what the federal program keeps; nothing of the state program's rows changes."""
    op.add_column("assister_case", sa.Column("unpublished", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_assister_case_unpublished", "assister_case", ["unpublished"])
    op.create_index("ix_assister_email", "assister", [sa.text("lower(email)")])
    _certificates_by_market()
    op.create_table(
        "launch_ticket",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("curriculum", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("redeemed_at", INSTANT),
    )
    op.create_index("ix_launch_ticket_case_id", "launch_ticket", ["case_id"])
    op.create_table(
        "publication",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("published_at", INSTANT),
    )
    op.create_table(
        "published_row",
        sa.Column("list_name", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("publication", sa.Integer(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("cells", sa.JSON()),
        sa.Column("replaced_by", sa.Integer()),
    )
    op.create_index("ix_published_row_owner", "published_row", ["owner"])
    op.create_index("ix_published_row_publication", "published_row", ["publication"])
    op.create_index("ix_published_row_replaced_by", "published_row", ["replaced_by"])


def _certificates_by_market() -> None:
    """The table anew: its one certificate a case was a constraint without a name, which SQLite can't drop."""
    op.create_table(
        "certificate_by_market",
        sa.Column("number", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("holder", sa.String()),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("valid_until", sa.Date()),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.UniqueConstraint("case_id", "market"),
    )
    op.execute(
        "INSERT INTO certificate_by_market (number, case_id, market, issued_at, valid_until, sha256, uri) "
        "SELECT number, case_id, '', issued_at, valid_until, sha256, uri FROM certificate"
    )
    op.drop_table("certificate")
    op.rename_table("certificate_by_market", "certificate")
    op.create_index("ix_certificate_case_id", "certificate", ["case_id"])
