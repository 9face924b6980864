"""The screens: what staff should look at, stages over time, search, mails as sent, sessions, looks, drafts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)
FACETS = ["attention", "program", "plan_year", "kind", "stage"]


def upgrade() -> None:
    """Adds what the screens need; nothing of a case's facts changes."""
    op.add_column("assister_case", sa.Column("flagged_at", INSTANT))
    op.add_column("assister_case", sa.Column("attention", sa.String()))
    op.add_column("assister_case", sa.Column("attention_since", INSTANT))
    op.execute("UPDATE assister_case SET flagged_at = waiting_since WHERE flag IS NOT NULL")
    op.execute("UPDATE assister_case SET flagged_at = opened_at WHERE flag IS NOT NULL AND flagged_at IS NULL")
    op.execute(
        "UPDATE assister_case SET attention = coalesce(flag, 'decision'), "
        "attention_since = CASE WHEN waiting_for = 'decision' THEN waiting_since ELSE flagged_at END "
        "WHERE flag IS NOT NULL OR waiting_for = 'decision'"
    )
    op.create_index("ix_case_attention", "assister_case", ["attention_since", "case_id", *FACETS])
    op.create_index("ix_case_opened", "assister_case", ["opened_at", "case_id", *FACETS])
    _stages()
    _search()
    _mails()
    _staff()
    _drafts()


def _stages() -> None:
    op.create_table(
        "stage_entry",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT),
    )
    op.create_index("ix_stage_entry_case_id", "stage_entry", ["case_id"])
    op.create_index("ix_stage_entry_left", "stage_entry", ["left_at", "stage"])
    # Cases from before are in their stage since their wait began, as far as anybody can tell.
    op.execute(
        "INSERT INTO stage_entry (case_id, stage, entered_at) "
        "SELECT case_id, stage, coalesce(waiting_since, opened_at) FROM assister_case"
    )


def _search() -> None:
    plain = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "search_term",
        sa.Column("term", plain, primary_key=True),
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), primary_key=True),
    )
    op.create_index("ix_search_term_assister_id", "search_term", ["assister_id"])


def _mails() -> None:
    op.create_table(
        "sent_mail",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("assister_case.case_id"), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
    )
    op.create_index("ix_sent_mail_case_id", "sent_mail", ["case_id"])


def _staff() -> None:
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.String()),
    )
    op.create_index("ix_staff_session_actor", "staff_session", ["actor"])
    op.create_index("ix_staff_session_expires_at", "staff_session", ["expires_at"])
    op.create_table(
        "look",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("case_id", sa.String()),
    )
    op.create_index("ix_look_actor", "look", ["actor", "at"])
    op.create_index("ix_look_case_id", "look", ["case_id"])


def _drafts() -> None:
    op.create_table(
        "request_draft",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
    )
    op.create_index("ix_request_draft_expires_at", "request_draft", ["expires_at"])
