"""What probes and metrics ask of the database."""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from sqlmodel import col

from db.reads.pending import PENDING
from db.tables import Case, InboxRow


def check_tables(session: Session) -> None:
    """Raises when the database does not answer, or has no tables yet."""
    session.execute(text("SELECT 1 FROM assister_case LIMIT 1"))


def count_stages(session: Session) -> dict[str, int]:
    """How many cases are in each stage."""
    by_stage = select(col(Case.stage), func.count()).group_by(col(Case.stage))
    return dict(session.execute(by_stage).tuples().all())


def count_pending_events(session: Session) -> int:
    """How many webhook events wait for delivery."""
    pending = select(func.count()).select_from(InboxRow).where(col(InboxRow.state) == PENDING)
    return int(session.execute(pending).scalar_one())
