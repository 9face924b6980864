"""Rows as a test looks at them or puts them, past everything that writes in earnest."""

from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import SQLModel


def add_rows(session: Session, /, *added: SQLModel) -> None:
    session.add_all(added)


def change_row(session: Session, /, table: type[SQLModel], key: Any, **changes: Any) -> None:
    row = session.get_one(table, key)
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)
