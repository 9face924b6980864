"""Cases opened from a request's document as the door opens them, without Temporal."""

from datetime import datetime
from typing import Any

from db.engine import Database
from db.writes.opening import Opened, open_requested_case
from domain.programs.opening import parse_any_request
from domain.shared.cases.reasons import Refusal


async def open_case(database: Database, identity_key: bytes, document: dict[str, Any], at: datetime) -> Opened:
    """The case of a request of either program. Raises the `Refusal` that was answered."""
    opened = await database.write(open_requested_case, identity_key, parse_any_request(document), at)
    if isinstance(opened, Refusal):
        raise opened
    return opened
