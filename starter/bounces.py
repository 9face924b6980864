"""Takes reports of letters that came back, by whichever way the mail server hands them over (P24)."""

from enum import StrEnum

import structlog

from db.engine import Database
from db.writes.house.returned_letters import record_report
from domain.shared.documents.bounces import Outcome, find_letter, read_report
from domain.shared.ids import write_message_id
from starter.cases import now

log = structlog.get_logger(__name__)


class Taken(StrEnum):
    """What became of a report: all but the first have changed nothing."""

    STORED = "stored"
    REPEATED = "repeated"
    UNKNOWN = "unknown"
    """It is about no letter of ours."""
    IGNORED = "ignored"
    """It isn't about trouble."""


class Bounces:
    """What mail servers report of letters they had taken."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._identity_key = identity_key

    async def take_report(self, raw: bytes, actor: str) -> Taken:
        """Takes a report, as the message that it is. Raises `Invalid` for a message that is none."""
        report, digest = read_report(raw), find_letter(self._identity_key, raw)
        if report.outcome is Outcome.NOTHING:
            return Taken.IGNORED
        if not digest:
            # Whoever made one up learns nothing by it; operators see that reports don't fit.
            log.warning("report of no letter of ours", outcome=report.outcome, status=report.status)
            return Taken.UNKNOWN
        is_new = await self._database.write(record_report, write_message_id(digest), report, actor, now())
        return Taken.STORED if is_new else Taken.REPEATED
