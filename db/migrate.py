"""Brings a database to the newest schema, never back: python -m db.migrate. The steps are in migrations/versions.

On PostgreSQL the tables may belong to a role of their own, the one CERTIFY_MIGRATION_URL names: then the application's
role is granted what it needs, and may only add to tables that are append-only.
"""

import os
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from db.rights import grant_rights

SECRETS = Path("/run/secrets")
MIGRATIONS = Path(__file__).parent / "migrations"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
PATIENCE = 30  # seconds for a server to answer, or for another process to let us write
ADVISORY_LOCK = 7_305_482_911  # any number that stays the same


class CannotMigrate(Exception):
    """Why the database was left as it is: one plain sentence, without a password."""


def upgrade(url: str, role: str | None = None) -> None:
    """Upgrades the database at `url`, the one Database takes, to the newest schema: all of it, or nothing of it.

    ``role`` is PostgreSQL's role of the application, where it isn't the one of `url` that owns the tables.
    Processes that upgrade the same database at the same time take turns. Raises CannotMigrate.
    """
    parsed = _parse(url)
    engine = _engine(parsed)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            if _revision(connection) != newest():
                _run(connection)
            if role is not None and engine.dialect.name == "postgresql":
                grant_rights(connection, role)
    except (SQLAlchemyError, CannotMigrate) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        line = " ".join(str(reason).split()).rstrip(".")
        raise CannotMigrate(f"The database {parsed.render_as_string()} can't be upgraded: {line}.") from error
    finally:
        engine.dispose()


def newest() -> str:
    """The newest revision: the one that no other follows. Read from the files, since loading Alembic takes long."""
    files = [file.read_text(encoding="utf-8") for file in (MIGRATIONS / "versions").glob("[0-9]*.py")]
    said = [dict(re.findall(r'^((?:down_)?revision) = "(\w+)"$', text, re.MULTILINE)) for text in files]
    (last,) = {one["revision"] for one in said} - {one.get("down_revision") for one in said}
    return str(last)


def main() -> int:
    """Upgrades the database the environment names; the exit status."""
    url = _read_url("CERTIFY_DATABASE_URL", "DATABASE_URL")
    owner = _read_url("CERTIFY_MIGRATION_URL")
    try:
        if not url:
            raise CannotMigrate("No database is named: set CERTIFY_DATABASE_URL or DATABASE_URL.")
        upgrade(owner or url, _parse(url).username if owner else None)
    except CannotMigrate as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _read_url(*names: str) -> str:
    """The address from the environment, or from the file it is kept in where secrets are files, as in settings.py."""
    secret = SECRETS / names[0].lower()
    given = next(filter(None, map(os.environ.get, names)), None)
    return given or (secret.read_text(encoding="utf-8").strip() if secret.is_file() else "")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        return parsed.set(drivername=DRIVERS[parsed.get_backend_name()])
    except (SQLAlchemyError, KeyError, ValueError):
        known = "sqlite+aiosqlite:///… nor postgresql+psycopg://…"
        raise CannotMigrate(f"The database's URL is neither {known}.") from None


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": PATIENCE})
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE, "isolation_level": None})
    event.listen(engine, "connect", _turn_on_wal)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _turn_on_wal(connection: Any, _: Any) -> None:
    # It stays on. SQLite doesn't wait by itself here: of two who turn it on at once, one is told "locked".
    tries = Retrying(
        retry=retry_if_exception(_is_busy), stop=stop_after_delay(PATIENCE), wait=wait_fixed(0.02), reraise=True
    )
    tries(connection.execute, "PRAGMA journal_mode=WAL")


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return revision


def _run(connection: Connection) -> None:
    # Alembic takes as long to import as everything else here to run, and is seldom needed.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise CannotMigrate(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
