"""The access log: who of staff was shown whose personal data, when and on which page; rows never change."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.tables import AccessLogRow


def record_access(session: Session, actor: str, page: str, case_ids: Collection[str | None], at: datetime) -> None:
    """Records that one view of a page showed somebody these cases' personal data, each case once.

    Without cases it was a whole list; None among them is somebody who has no case.
    """
    access = {"at": at, "actor": actor, "page": page}
    shown = dict.fromkeys(case_ids) or (None,)
    rows = [{**access, "case_id": case_id, "is_further": place > 0 or None} for place, case_id in enumerate(shown)]
    session.execute(insert(AccessLogRow), rows)


def record_part(session: Session, actor: str, page: str, case_id: str, since: datetime, at: datetime) -> None:
    """Records an access to a part of a page, unless the page that it is a part of was recorded since then."""
    ours = (col(AccessLogRow.actor) == actor, col(AccessLogRow.page) == page, col(AccessLogRow.case_id) == case_id)
    recorded = select(col(AccessLogRow.id)).where(*ours, col(AccessLogRow.at) >= since).limit(1)
    if not list_rows(session, recorded):
        record_access(session, actor, page, [case_id], at)
