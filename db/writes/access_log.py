"""The access log: who of staff was shown whose personal data, when and on which page; rows never change."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.tables import AccessLogRow


def record_access(session: Session, actor: str, page: str, case_ids: Collection[str | None], at: datetime) -> None:
    """Records that somebody was shown these cases' personal data, each case once; without cases, a whole list."""
    access = {"at": at, "actor": actor, "page": page}
    rows = [{**access, "case_id": case_id} for case_id in dict.fromkeys(case_ids) or (None,)]
    session.execute(insert(AccessLogRow), rows)
