"""What makes a table append-only, in SQLite and in PostgreSQL; for migrations, and no migration itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op


def refuse_changes(table: str) -> None:
    """Has the database refuse every update and deletion of a table's rows."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"
    )


@contextmanager
def allow_changes(table: str) -> Iterator[None]:
    """Lifts the refusal while a migration fills columns of its own; what was written before stays as it is."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{verb}")
        yield
        refuse_changes(table)
        return
    op.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
    yield
    op.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_append_only")
