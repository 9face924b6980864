"""Writes instants as the stand-ins' JSON has them: UTC with milliseconds, `2023-11-03T14:00:00.000Z`."""

from datetime import UTC, datetime


def format_timestamp(moment: float) -> str:
    """An instant given in seconds since 1970."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_now() -> str:
    """The present instant."""
    return format_timestamp(datetime.now(UTC).timestamp())
