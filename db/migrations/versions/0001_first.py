"""The first schema: every table, and what keeps facts and the audit append-only."""

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0001"
down_revision = None

APPEND_ONLY = ("fact", "audit")

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Creates everything."""
    _people()
    _cases()
    _facts_and_audit()
    _messages()
    _effects()
    _certificates_and_links()
    for table in APPEND_ONLY:
        refuse_changes(table)


def _people() -> None:
    op.create_table(
        "assister",
        sa.Column("assister_id", sa.String(), primary_key=True),
        sa.Column("person_key", sa.String(), nullable=False),
        sa.Column("npn", sa.String()),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("lms_account", sa.String()),
        sa.Column("portal_account", sa.String()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.UniqueConstraint("person_key"),
    )
    op.create_table(
        "earlier_year",
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), primary_key=True),
        sa.Column("program", sa.String(), primary_key=True),
        sa.Column("plan_year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("trained", sa.Boolean(), nullable=False),
        sa.Column("certified", sa.Boolean(), nullable=False),
        sa.Column("individual_market", sa.Boolean(), nullable=False),
    )


def _cases() -> None:
    op.create_table(
        "assister_case",
        sa.Column("case_id", sa.String(), primary_key=True),
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("plan_year", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("assister_type", sa.String(), nullable=False),
        sa.Column("has_lms_account", sa.Boolean(), nullable=False),
        sa.Column("has_portal_account", sa.Boolean(), nullable=False),
        sa.Column("has_portal_profile", sa.Boolean(), nullable=False),
        sa.Column("has_scheduling_tool", sa.Boolean(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("identity_matches", sa.Boolean(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String()),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("waiting_for", sa.String()),
        sa.Column("waiting_since", INSTANT),
        sa.Column("flag", sa.String()),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.UniqueConstraint("assister_id", "program", "plan_year", "attempt"),
    )
    op.create_index("ix_assister_case_assister_id", "assister_case", ["assister_id"])
    op.create_index("ix_assister_case_opened_at", "assister_case", ["opened_at"])
    op.create_index("ix_case_filter", "assister_case", ["program", "plan_year", "stage"])
    op.create_index("ix_case_queue", "assister_case", ["waiting_for", "waiting_since"])


def _facts_and_audit() -> None:
    op.create_table(
        "fact",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
    )
    op.create_index("ix_fact_case_id", "fact", ["case_id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("case_id", sa.String()),
        sa.Column("assister_id", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("details", sa.JSON(), nullable=False),
    )
    op.create_index("ix_audit_case_id", "audit", ["case_id"])
    op.create_index("ix_audit_assister_id", "audit", ["assister_id"])


def _messages() -> None:
    op.create_table(
        "command",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.String()),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_index("ix_command_case_id", "command", ["case_id"])
    op.create_index("ix_command_state", "command", ["state"])
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("fact_id", sa.String()),
        sa.Column("message", sa.JSON()),
        sa.Column("note", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.UniqueConstraint("source", "event_id"),
    )
    op.create_index("ix_inbox_case_id", "inbox", ["case_id"])
    op.create_index("ix_inbox_state", "inbox", ["state"])
    op.create_table(
        "altered_event",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
    )


def _effects() -> None:
    op.create_table(
        "effect",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_id", sa.String()),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("intended_at", INSTANT, nullable=False),
        sa.Column("done_at", INSTANT),
    )
    op.create_index("ix_effect_case_id", "effect", ["case_id"])
    op.create_index("ix_effect_external_id", "effect", ["external_id"])
    op.create_table(
        "evidence",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("ix_evidence_case_id", "evidence", ["case_id"])


def _certificates_and_links() -> None:
    op.create_table(
        "certificate",
        sa.Column("number", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("valid_until", sa.Date()),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.UniqueConstraint("case_id"),
    )
    op.create_table(
        "link",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.Column("voided_at", INSTANT),
    )
    op.create_index("ix_link_case_id", "link", ["case_id"])
