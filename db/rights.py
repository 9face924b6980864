"""What PostgreSQL's role of the application may do, where the tables belong to another role: of some, only add to them.

Triggers refuse changes of append-only tables; who owns a table could drop its trigger. SQLite has no roles.
"""

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

# As the migrations made them.
APPEND_ONLY = (
    *("answer_file", "appeal_file", "audit", "audit_digest", "case_note", "certificate", "evidence"),
    *("fact", "kept_rules", "look", "sent_mail"),
)
READ_ONLY = ("alembic_version",)


def grant_rights(connection: Connection, role: str) -> None:
    """Grants the application's role what it needs of every table, and takes back what it had besides."""
    quote = connection.dialect.identifier_preparer.quote
    name = quote(role)
    for statement in (
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE CREATE ON SCHEMA public FROM {name}",
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
    ):
        connection.exec_driver_sql(statement)
    for table in inspect(connection).get_table_names():
        rights = "SELECT, INSERT, UPDATE, DELETE"
        if table in APPEND_ONLY:
            rights = "SELECT, INSERT"
        elif table in READ_ONLY:
            rights = "SELECT"
        connection.exec_driver_sql(f"GRANT {rights} ON {quote(table)} TO {name}")


def list_changeable_tables(session: Session) -> list[str]:
    """The append-only tables that the role of this connection could change: it owns them, or may do anything.

    Empty on SQLite, where whoever can write the file can change everything.
    """
    if session.get_bind().dialect.name != "postgresql":
        return []
    owned = text(
        "SELECT tablename FROM pg_tables JOIN pg_namespace ON nspname = schemaname "
        "WHERE schemaname = 'public' AND tablename = ANY(:tables) AND (pg_has_role(tableowner, 'MEMBER') "
        "OR pg_has_role(nspowner, 'MEMBER')"  # the owner of a schema may drop what is in it
        "OR has_table_privilege(quote_ident(tablename), 'UPDATE, DELETE, TRUNCATE')) ORDER BY tablename"
    )
    return list(session.execute(owned, {"tables": list(APPEND_ONLY)}).scalars())
