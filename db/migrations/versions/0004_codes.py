"""Codes: why something was refused or had no effect, beside the sentences of before, which stay as they are; leases."""

from collections.abc import Iterator, Mapping
from string import ascii_lowercase
from typing import Any

import sqlalchemy as sa
from alembic import op

from db.migrations.append_only import allow_changes

revision = "0004"
down_revision = "0003"

PAGE = 500

# What commands were answered with until this release, by its code; {places} stand for the details.
ANSWERS = {
    "still_screening": "The request is still being screened.",
    "awaiting_background_check": "The background check has not been reported; it can't be overridden.",
    "awaiting_information": "The assister has been asked for information and has not answered.",
    "override_needed": "Approval needs a recorded override, because of: {checks}.",
    "agreement_needed": "The agreement has not been accepted; "
    "approval needs it, or a recorded override that says how it was.",
    "already_decided": "Eligibility was decided already, by {by}.",
    "overtaken": "Another decision came first.",
    "case_ended": "The case has ended: {stage}.",
    "id_used": "This id was used for another command; use a new one.",
    "not_asked": "No information has been asked for.",
    "notice_not_sendable": "This notice can't be sent at this point of the case.",
    "not_in_program": "There is no such step in this program.",
    "identity_taken": "This NPN or e-mail belongs to another person's case.",
    "other_case": "This command is for another case.",
    "not_now": "The case can't do this now.",
}
# What staff were answered who wanted an event delivered.
RELEASES = {
    "webhook_delivered": "This event has been delivered already.",
    "webhook_taken": "This event has been taken already.",
    "webhook_premature": "This was reported too early and doesn't count later either; once it is due, its sender has "
    "to report it again, as a new event.",
    "webhook_ended": "The case has ended; events have no effect on it.",
    "webhook_repeated": "This was reported before, and counts once.",
    "webhook_not_final": "This event reports nothing that is final; there is nothing to deliver.",
    "webhook_other_case": "This event says that it is about another case; its sender has to report it again, as a new "
    "event.",
    "webhook_not_kept": "Too little was kept of this event to take it; its sender has to report it again, as a new "
    "event.",
}
# What was noted of an event that has no effect.
NOTES = {
    "case_ended": "the case had ended: {stage}",
    "not_final": "not a completed report",
    "reported_before": "reported before under this ticket",
    "before_certificate": "reported before the certificate was issued",
    "account_not_set_up": "reported for a counselor's account that we have not set up",
    "workflow_ended": "the workflow had ended",
}
# What the system gave as its own reason, by the audited action; of every other action the reason is a person's words.
REASONS = {
    "webhook.altered": {"altered_event": "same event id with another body"},
    "request.conflict": {
        "other_person": "same NPN under another name or e-mail",
        "second_account_asked": "a second account was asked for",
    },
    "case.flagged.list_late": {"not_listed_in_time": "not in {list} in time"},
    "case.portal_activation_asked": {"activation_link_used": "activation link used"},
}

# A stage, or checks; only who decided may be written as people write themselves.
CODES = {*ascii_lowercase, *"_, "}

Coded = tuple[str, dict[str, str]]


def upgrade() -> None:
    """Adds the columns and fills them for what is recognized; sentences and people's own words are not touched."""
    _add_columns("command", "answer")
    _add_columns("audit", "reason")
    _add_columns("inbox", "note")
    _fill_in_commands()
    _fill_in_inbox()
    with allow_changes("audit"):
        _fill_in_audit()
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )


def _add_columns(table: str, name: str) -> None:
    op.add_column(table, sa.Column(f"{name}_code", sa.String()))
    op.add_column(table, sa.Column(f"{name}_details", sa.JSON()))


def _fill_in_commands() -> None:
    command = _table("command", "answer", sa.column("id", sa.String()), sa.column("answer", sa.String()))
    for row in _rows(command, command.c.answer.is_not(None), ""):
        _fill_in(command, row["id"], "answer", recognize(row["answer"], ANSWERS))


def _fill_in_inbox() -> None:
    inbox = _table("inbox", "note", sa.column("id", sa.Integer()), sa.column("note", sa.String()))
    for row in _rows(inbox, inbox.c.note.is_not(None), 0):
        _fill_in(inbox, row["id"], "note", recognize(row["note"], NOTES))


def _fill_in_audit() -> None:
    texts = [sa.column(name, sa.String()) for name in ("action", "reason")]
    audit = _table("audit", "reason", sa.column("id", sa.Integer()), *texts, sa.column("details", sa.JSON()))
    told = sa.or_(audit.c.action.in_(REASONS), audit.c.action.like("%.refused"), audit.c.action.like("webhook.%"))
    for row in _rows(audit, told, 0):
        _fill_in(audit, row["id"], "reason", _code_of(row))


def _code_of(row: sa.RowMapping) -> Coded | None:
    """What is said in an audited row; a command's answer, or an event's note, goes before the reason."""
    details, action = row["details"] or {}, row["action"]
    if "answer" in details:
        return recognize(details["answer"], RELEASES if action == "webhook.release_refused" else ANSWERS)
    if "note" in details:
        return recognize(details["note"], NOTES)
    return recognize(row["reason"], REASONS.get(action, {}))


def recognize(said: str | None, sentences: Mapping[str, str]) -> Coded | None:
    """The code and the details of a sentence; None where it is none of these."""
    for code, sentence in sentences.items():
        before, place, rest = sentence.partition("{")
        name, _, after = rest.partition("}")
        if not place and said == sentence:
            return code, {}
        if place and said and said.startswith(before) and said.endswith(after):
            detail = said[len(before) : len(said) - len(after)]
            if name == "by" or not set(detail) - CODES:
                return code, {name: detail}
    return None


def _table(name: str, prefix: str, *columns: sa.ColumnClause[Any]) -> sa.TableClause:
    return sa.table(name, *columns, sa.column(f"{prefix}_code", sa.String()), sa.column(f"{prefix}_details", sa.JSON()))


def _rows(table: sa.TableClause, wanted: sa.ColumnElement[bool], after: str | int) -> Iterator[sa.RowMapping]:
    """Page by page: an audit may hold millions of rows, and a connection is read to its end before it writes."""
    query = sa.select(table).where(wanted).order_by(table.c.id).limit(PAGE)
    while page := op.get_bind().execute(query.where(table.c.id > after)).mappings().all():
        yield from page
        after = page[-1]["id"]


def _fill_in(table: sa.TableClause, row_id: str | int, prefix: str, coded: Coded | None) -> None:
    if coded is not None:
        values = {f"{prefix}_code": coded[0], f"{prefix}_details": coded[1]}
        op.execute(table.update().where(table.c.id == row_id).values(**values))
