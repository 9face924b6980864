"""The screens: what staff should look at, stages over time, search, mails as sent, sessions, looks, drafts."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import refuse_changes

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)
PLAIN = sa.String().with_variant(sa.String(collation="C"), "postgresql")
FACETS = ["attention", "program", "plan_year", "kind", "stage"]
PAGE = 500

# Letters that Unicode doesn't take apart into a plain one and its mark.
LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i"})


def upgrade() -> None:
    """Adds what the screens need; nothing of a case's facts changes."""
    _attention()
    _stages()
    _webhooks()
    _search()
    _mails()
    _staff()
    _drafts()
    refuse_changes("look")


def _attention() -> None:
    for column in ("flagged_at", "attention_since"):
        op.add_column("assister_case", sa.Column(column, INSTANT))
    op.add_column("assister_case", sa.Column("attention", sa.String()))
    op.add_column("assister_case", sa.Column("further_flags", sa.JSON()))
    op.execute("UPDATE assister_case SET flagged_at = coalesce(waiting_since, opened_at) WHERE flag IS NOT NULL")
    op.execute(
        "UPDATE assister_case SET attention = coalesce(flag, 'decision'), "
        "attention_since = coalesce(CASE WHEN waiting_for = 'decision' THEN waiting_since END, flagged_at, opened_at) "
        "WHERE flag IS NOT NULL OR waiting_for = 'decision'"
    )
    for name in ("ix_case_filter", "ix_case_queue", "ix_assister_case_opened_at"):
        op.drop_index(name, "assister_case")
    queue = ["waiting_for", "waiting_since", "program", "plan_year", "case_id"]
    op.create_index("ix_case_queue", "assister_case", queue)
    counts = ["assister_type", "program", "plan_year", "stage", "kind", "attention"]
    op.create_index("ix_case_counts", "assister_case", counts)
    op.create_index("ix_case_opened", "assister_case", ["opened_at", "case_id", *FACETS])
    waiting = ["attention_since", "case_id", *FACETS]
    _partial("ix_case_attention", "assister_case", waiting, "attention_since IS NOT NULL")
    _partial("ix_case_unbegun", "assister_case", ["opened_at"], "run_id IS NULL")
    _partial("ix_fact_decided", "fact", ["at"], "kind = 'decided'")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


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
    op.create_index("ix_stage_entry_left", "stage_entry", ["stage", "left_at", "entered_at"])
    # Cases from before are in their stage since their wait began, as far as anybody can tell.
    op.execute(
        "INSERT INTO stage_entry (case_id, stage, entered_at) "
        "SELECT case_id, stage, coalesce(waiting_since, opened_at) FROM assister_case"
    )


def _webhooks() -> None:
    op.drop_index("ix_inbox_state", "inbox")
    op.create_index("ix_inbox_state", "inbox", ["state", "id"])
    op.add_column("altered_event", sa.Column("released_at", INSTANT))
    op.create_index("ix_altered_event_case_id", "altered_event", ["case_id"])


def _search() -> None:
    terms = op.create_table(
        "search_term",
        sa.Column("term", PLAIN, primary_key=True),
        sa.Column("assister_id", sa.String(), sa.ForeignKey("assister.assister_id"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_term_assister", "search_term", ["assister_id", "term"])
    named = ("assister_id", "first_name", "last_name", "email", "npn")
    people = sa.table("assister", *(sa.column(name, sa.String()) for name in named))
    cases = sa.table("assister_case", sa.column("assister_id", sa.String()), sa.column("request", sa.JSON()))
    after = ""
    while page := _page_of(people, after):
        after = [*page][-1]
        found = {assister_id: _terms(person) for assister_id, person in page.items()}
        requests = sa.select(cases).where(cases.c.assister_id.in_(list(page)))
        for assister_id, request in op.get_bind().execute(requests):
            found[assister_id] |= _terms(page[assister_id] | request)
        op.bulk_insert(terms, _rows(found))


def _page_of(people: sa.TableClause, after: str) -> dict[str, dict[str, Any]]:
    query = sa.select(people).where(people.c.assister_id > after).order_by(people.c.assister_id).limit(PAGE)
    return {row["assister_id"]: dict(row) for row in op.get_bind().execute(query).mappings()}


def _terms(who: Mapping[str, Any]) -> set[str]:
    """The words by which a person is found, as they were when this release went out: a migration never changes."""
    address, names = _folded(who["email"]), (who["first_name"], who["last_name"])
    local = address.partition("@")[0]
    together = {"".join(_parts(word)) for name in names for word in name.split()}
    return {*_parts(names[0]), *_parts(names[1]), *together, address, local, *_parts(local), who["npn"] or ""} - {""}


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(LETTERS)


def _parts(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in _folded(text)).split()


def _rows(found: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    return [{"term": term, "assister_id": assister_id} for assister_id, terms in found.items() for term in terms]


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
    op.create_index("ix_look_actor", "look", ["actor", "id"])
    op.create_index("ix_look_case", "look", ["case_id", "id"])


def _drafts() -> None:
    op.create_table(
        "request_draft",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
    )
    op.create_index("ix_request_draft_expires_at", "request_draft", ["expires_at"])
