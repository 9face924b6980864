"""Instants as text in documents and files: ISO 8601, in UTC, with a Z."""

from datetime import UTC, datetime


def format_instant(at: datetime, timespec: str = "auto") -> str:
    """An instant such as 2024-11-04T17:00:00Z; ``timespec`` as of `datetime.isoformat`."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
