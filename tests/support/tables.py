"""Rows as a test looks at them or puts them, past everything that writes in earnest."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from db.tables import Case, SentMail
from db.writes.kept_rules import keep_rules
from domain.shared.ids import make_message_id
from domain.shared.policy import ProgramPolicy


def add_rows(session: Session, /, *added: SQLModel) -> None:
    session.add_all(added)


def make_kept_letter(case_id: str, key: str, sent_at: datetime, notice: str = "request_received") -> SentMail:
    """A letter as it is kept once it was sent."""
    return SentMail(
        key=key,
        case_id=case_id,
        notice=notice,
        language="en",
        recipient="testa@example.com",
        subject="Sample",
        text="…",
        html="<p>…</p>",
        message_id=make_message_id(key),
        sent_at=sent_at,
    )


def change_row(session: Session, /, table: type[SQLModel], key: Any, **changes: Any) -> None:
    row = session.get_one(table, key)
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)


def give_rules(session: Session, /, case_id: str, policy: ProgramPolicy) -> None:
    """Has a case go by the rules of this policy."""
    session.get_one(Case, case_id).rules_hash = keep_rules(session, policy, datetime.now(UTC))


def forget_row(session: Session, /, table: type[SQLModel], key: Any) -> None:
    """Deletes a row of a table of SQLite that is append-only, as in a database that is older than the row."""
    name = f"{table.__tablename__}_no_delete"
    trigger = session.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name})
    session.execute(text(f"DROP TRIGGER {name}"))
    session.delete(session.get_one(table, key))
    session.flush()
    session.execute(text(trigger))
