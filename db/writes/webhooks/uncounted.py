"""Reports that can't be counted as they stand: kept for staff, who settle them (P3, P4, P7)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import UnknownCase, one_or_none
from db.tables import Case, UncountedReport
from db.writes.facts import lock_case, raise_flag, record_audit
from domain.shared.documents.faults import Fault, dump_faults
from domain.shared.documents.parsing import hash_document, write_exact
from domain.shared.documents.statements import ReadStatement
from domain.shared.senders import Sender

UNCOUNTED_REPORT = "uncounted_report"
# A sender whose every report is wrong fills no disk: what comes beyond is refused as ever, and not kept.
MOST_KEPT = 10_000


def keep_uncounted(
    session: Session, sender: Sender, read: ReadStatement, faults: Sequence[Fault], now: datetime
) -> bool:
    """Keeps a report for staff, and flags the case that it names; whether it is kept. The same again is counted up."""
    digest = hash_document(read.document)
    row = one_or_none(
        session,
        select(UncountedReport).where(col(UncountedReport.sender) == sender.id, col(UncountedReport.digest) == digest),
    )
    if row is not None:
        row.times += 1
        session.add(row)
        return True
    if _count_open(session, sender) >= MOST_KEPT:
        return False
    case = _find_own_case(session, sender, read.case_id)
    session.add(
        UncountedReport(
            sender=sender.id,
            digest=digest,
            case_id=case.case_id if case else None,
            body={"text": write_exact(read.document)},
            faults=dump_faults(faults),
            received_at=now,
        )
    )
    session.flush()
    if case is not None:
        if raise_flag(case, UNCOUNTED_REPORT, now):
            session.add(case)
        record_audit(session, now, sender.actor, "webhook.uncounted", case, faults=dump_faults(faults))
    return True


def _count_open(session: Session, sender: Sender) -> int:
    still_open = (col(UncountedReport.sender) == sender.id, col(UncountedReport.settled_at).is_(None))
    return int(session.execute(select(func.count()).select_from(UncountedReport).where(*still_open)).scalar_one())


def _find_own_case(session: Session, sender: Sender, case_id: str | None) -> Case | None:
    """The case that was named, if it is one of the sender's program."""
    with suppress(UnknownCase):
        case = lock_case(session, case_id) if case_id else None
        return case if case is not None and case.program == sender.program else None
    return None
