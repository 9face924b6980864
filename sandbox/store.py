"""Keeps the stand-ins' documents in one SQLite file; it knows nothing of what they mean."""

import json
import sqlite3
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key)
)
"""
UPSERT = """
INSERT INTO documents (kind, key, body) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body
"""


class DocumentStore:
    """Documents by kind and key, in the order in which they were first saved; `:memory:` keeps nothing on disk."""

    def __init__(self, path: str = ":memory:") -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        # What was written survives a killed process, which is all that restarts in tests need. A power cut may lose
        # the last writes; waiting for the disk at each one would slow every test down.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(SCHEMA)

    def save_document(self, kind: str, key: str, document: Document) -> None:
        """Saves a document, in place of the one of the same kind and key."""
        self._database.execute(UPSERT, (kind, key, json.dumps(document)))

    def find_document(self, kind: str, key: str) -> Document | None:
        """The document of this kind and key."""
        row = self._database.execute("SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def list_documents(self, kind: str) -> list[Document]:
        """Every document of a kind, oldest first."""
        rows = self._database.execute("SELECT body FROM documents WHERE kind = ? ORDER BY position", (kind,))
        return [json.loads(body) for (body,) in rows]

    def delete_document(self, kind: str, key: str) -> None:
        """Deletes the document of this kind and key, if there is one."""
        self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        """Closes the file."""
        self._database.close()
