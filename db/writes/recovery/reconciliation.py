"""What a reconciliation keeps for operators and for the next one."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from db.recovery_tables import ReconciliationRow
from domain.shared.round_messages import ReconciliationOrder


def keep_reconciliation(session: Session, order: ReconciliationOrder, now: datetime) -> None:
    """Keeps what the reconciliation came to in the place of the one before; a repeat changes nothing."""
    session.execute(delete(ReconciliationRow).where(col(ReconciliationRow.number) != order.number))
    if session.get(ReconciliationRow, order.number) is None:
        values = {"counts": order.counts, "unknown": order.unknown}
        session.add(
            ReconciliationRow(number=order.number, finished_at=now, thorough=order.thorough, **values)  # type: ignore[arg-type]
        )
