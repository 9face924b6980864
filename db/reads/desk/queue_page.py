"""What the page of the queue shows, read in one unit of work: a unit each would take longer than what they read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.cursors import Cursor, Page
from db.house_tables import SavedView
from db.reads.counts import Group, count_desks
from db.reads.house.saved_views import list_views
from db.reads.queue import Filters, ListedCase, View, read_case_page


@dataclass(frozen=True)
class QueuePage:
    """A page of cases, how many of the queue's each of staff has on their desk, and the reader's own saved views."""

    cases: Page[ListedCase]
    held: list[Group]
    views: list[SavedView]


def read_queue_page(
    session: Session, filters: Filters, after: Cursor | None, limit: int, reader: str, now: datetime
) -> QueuePage:
    """A page of the queue for this reader. Raises `Invalid` for an invalid cursor."""
    cases = read_case_page(session, View.QUEUE, filters, after, limit)
    return QueuePage(cases, count_desks(session, now), list_views(session, reader))
