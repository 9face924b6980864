"""What Temporal could not be told: counted, tried again later and later, and given up where it is always refused."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import list_flags, list_rows, one_or_none
from db.recovery_tables import DeliveryFailure
from db.tables import SYSTEM, Case
from db.writes.facts import lock_case, raise_flag, record_audit, unflag_locked_case
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid

DELIVERY_FAILED = "delivery_failed"
ATTEMPTS = 10
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=5)
# A start that Temporal has taken is lost with its database alone, and of many that are started at once the last ones
# wait for minutes for their first task.
FIRST_CLAIM_PAUSE = timedelta(minutes=1)
# A workflow that can't be told now may be told any moment: nobody should wait long for it then.
LONGEST_WORKFLOW_PAUSE = timedelta(seconds=30)


class DeliveryKind(StrEnum):
    """What is delivered; `WORKFLOW` is everything a case's workflow is to be told.

    `CLAIM` is no delivery: a workflow was started, and hasn't claimed its case yet.
    """

    START = "start"
    CLAIM = "claim"
    EVENT = "event"
    COMMAND = "command"
    WORKFLOW = "workflow"


@dataclass(frozen=True)
class FailedDelivery:
    """What could not be told of which case, and why: a code, never what was said.

    ``is_refused``: Temporal answered, and won't have it; not so where it could not be reached.
    """

    kind: DeliveryKind
    item: str
    case_id: str
    code: str
    is_refused: bool = True


class UnknownDelivery(LookupError):
    """There is no such delivery that was given up."""


def record_failures(session: Session, failed: Iterable[FailedDelivery], now: datetime) -> None:
    """Counts failed attempts, and says when each is made again.

    What is refused after `ATTEMPTS` is given up, and its case flagged; where the whole workflow can't be told, or
    Temporal not be reached, that is nobody's fault who waits to be told, and it is tried for ever.
    """
    for one in sorted(failed, key=lambda failed: failed.case_id):
        row = _count_failure(session, one, now)
        pause = FIRST_PAUSE * 2 ** min(row.failures - 1, 10)
        if one.kind is DeliveryKind.WORKFLOW:
            row.next_attempt_at = now + min(pause, LONGEST_WORKFLOW_PAUSE)
        elif row.failures < ATTEMPTS or not one.is_refused:
            row.next_attempt_at = now + min(pause, LONGEST_PAUSE)
        else:
            row.next_attempt_at = None
            _flag_given_up(session, row, now)
        session.add(row)


def postpone_starts(session: Session, case_ids: Collection[str], now: datetime) -> None:
    """Of these cases, which were started just now, those that aren't claimed yet are started again only much later."""
    unclaimed = select(col(Case.case_id)).where(col(Case.case_id).in_(case_ids), col(Case.run_id).is_(None))
    found = list_rows(session, unclaimed.order_by(col(Case.case_id)).with_for_update())
    before = (col(DeliveryFailure.kind) == DeliveryKind.CLAIM, col(DeliveryFailure.item).in_(found))
    known = {row.item: row for row in list_rows(session, select(DeliveryFailure).where(*before))}
    for case_id in found:
        one = FailedDelivery(DeliveryKind.CLAIM, case_id, case_id, "unclaimed")
        row = _count_failed(known.get(case_id), one, now)
        row.next_attempt_at = now + min(FIRST_CLAIM_PAUSE * 2 ** min(row.failures - 1, 10), LONGEST_PAUSE)
        session.add(row)


def _count_failure(session: Session, one: FailedDelivery, now: datetime) -> DeliveryFailure:
    return _count_failed(session.get(DeliveryFailure, (one.kind, one.item)), one, now)


def _count_failed(row: DeliveryFailure | None, one: FailedDelivery, now: datetime) -> DeliveryFailure:
    if row is None:
        row = DeliveryFailure(kind=one.kind, item=one.item, case_id=one.case_id, failures=0, code="", failed_at=now)
    row.failures, row.code, row.failed_at = row.failures + 1, one.code, now
    return row


def _flag_given_up(session: Session, row: DeliveryFailure, now: datetime) -> None:
    case = lock_case(session, row.case_id)
    if raise_flag(case, DELIVERY_FAILED, now):
        session.add(case)
        why = Reason("delivery_given_up", {"times": str(row.failures)})
        details = {"what": row.kind, "item": row.item, "code": row.code}
        record_audit(session, now, SYSTEM, f"case.flagged.{DELIVERY_FAILED}", case, why, **details)


def forget_failures(session: Session, kind: DeliveryKind, item: str, case_id: str) -> None:
    """Once something is told, its failures don't count any more, nor those of its case's workflow."""
    told = [(kind, item), (DeliveryKind.WORKFLOW, case_id)]
    gone = delete(DeliveryFailure).where(tuple_(col(DeliveryFailure.kind), col(DeliveryFailure.item)).in_(told))
    session.execute(gone)


def retry_delivery(session: Session, kind: str, item: str, actor: str, reason: str, now: datetime) -> None:
    """Staff have something tried again that was given up. Raises `Invalid` without a reason, `UnknownDelivery`."""
    if not reason.strip():
        raise Invalid([Fault("reason", "required")])
    row = session.get(DeliveryFailure, (kind, item))
    if row is None or row.next_attempt_at is not None:
        raise UnknownDelivery(item)
    case = lock_case(session, row.case_id)
    row.failures, row.next_attempt_at = 0, now
    session.add(row)
    record_audit(session, now, actor, "delivery.retried", case, reason.strip(), what=row.kind, item=row.item)
    lower_delivery_flag(session, case, now)


def forget_event_failures(session: Session, row_ids: Sequence[int], now: datetime) -> None:
    """Once events are told, however that came: theirs are forgotten, and what was given up is not any more."""
    items = [str(number) for number in row_ids]
    of_events = (col(DeliveryFailure.kind) == DeliveryKind.EVENT, col(DeliveryFailure.item).in_(items))
    failed = list_rows(session, select(col(DeliveryFailure.case_id)).where(*of_events).distinct())
    cases = [lock_case(session, case_id) for case_id in sorted(failed)]
    if cases:
        session.execute(delete(DeliveryFailure).where(*of_events))
    for case in cases:
        lower_delivery_flag(session, case, now)


def lower_delivery_flag(session: Session, case: Case, now: datetime) -> None:
    """Takes the flag of a case down of which nothing is given up any more."""
    session.flush()
    if DELIVERY_FAILED in list_flags(case) and not _has_given_up(session, case):
        unflag_locked_case(session, case, DELIVERY_FAILED, now)


def _has_given_up(session: Session, case: Case) -> bool:
    given_up: Any = select(DeliveryFailure).where(
        col(DeliveryFailure.case_id) == case.case_id, col(DeliveryFailure.next_attempt_at).is_(None)
    )
    return one_or_none(session, given_up.limit(1)) is not None
