"""The access log as auditors read it: who of staff was shown whose personal data, newest first."""

from collections.abc import Sequence

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.tables import AccessLogRow


def read_access_log(
    session: Session, after: Cursor | None = None, limit: int = 50, actor: str = "", case_id: str = ""
) -> Page[AccessLogRow]:
    """One page of the log, of an actor or a case where one is given. Raises `Invalid` for an invalid cursor."""
    number = col(AccessLogRow.id)
    wanted = {col(AccessLogRow.actor): actor, col(AccessLogRow.case_id): case_id}
    conditions = [column == value for column, value in wanted.items() if value]

    def fetch(key: int | None, back: bool, most: int) -> Sequence[AccessLogRow]:
        query = select(AccessLogRow).where(*conditions).order_by(number if back else number.desc()).limit(most)
        if key is not None:
            query = query.where(number > key if back else number < key)
        return list_rows(session, query)

    return page_of(NUMBERS, lambda row: row.id or 0, fetch, after, limit)
