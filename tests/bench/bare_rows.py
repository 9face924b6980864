"""Rows that say nothing, stored in units of work as the product's are: what storing itself costs."""

import os
from functools import cache

from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio import activity

from db.engine import Database

DATABASE = "BENCH_DATABASE"
# About as long as a fact or a row of the audit.
BODY = "nothing " * 40


@activity.defn
async def store(rows: int) -> None:
    """Stores so many rows in one unit of work, in the database that the environment names."""
    await open_database(os.environ[DATABASE]).write(store_rows, rows)


@cache
def open_database(url: str) -> Database:
    """The database at a URL, once a process."""
    return Database(url)


def create_rows(session: Session) -> None:
    """The table for them."""
    session.execute(text("CREATE TABLE bare_row (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"))


def store_rows(session: Session, rows: int) -> None:
    """Stores so many."""
    session.execute(text("INSERT INTO bare_row (body) VALUES (:body)"), [{"body": BODY}] * rows)
