"""What the stand-ins remember, as documents in one SQLite file; it knows nothing of what they mean."""

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


class Shelf:
    """Documents by kind and key, in the order first put; `:memory:` forgets them at the end.

    Writes survive the end of the process, which is what a restart needs; a power cut may lose the last ones.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(SCHEMA)

    def put(self, kind: str, key: str, document: Document) -> None:
        """Keeps a document, in place of the one of the same kind and key."""
        self._database.execute(UPSERT, (kind, key, json.dumps(document)))

    def get(self, kind: str, key: str) -> Document | None:
        """The document of this kind and key."""
        row = self._database.execute("SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> list[Document]:
        """Every document of a kind, oldest first."""
        rows = self._database.execute("SELECT body FROM documents WHERE kind = ? ORDER BY position", (kind,))
        return [json.loads(body) for (body,) in rows]

    def remove(self, kind: str, key: str) -> None:
        """Forgets the document of this kind and key."""
        self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()
