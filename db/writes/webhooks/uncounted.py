"""Reports that can't be counted as they stand: kept for staff, who settle them (P3, P4, P7, D8)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import UnknownCase, one_or_none
from db.tables import Assister, Case, UncountedReport
from db.writes.facts import lock_case, raise_flag, record_audit, record_person_audit
from domain.shared.documents.faults import Fault, dump_faults
from domain.shared.documents.parsing import hash_document, write_exact
from domain.shared.documents.statements import ReadStatement
from domain.shared.senders import Sender

UNCOUNTED_REPORT = "uncounted_report"
# Who no sender is: staff's own file of earlier years, and a request. No sender's id has a space in it.
IMPORTED, REQUESTED = "certify import", "certification request"
# A sender whose every report is wrong fills no disk: what comes beyond is refused as ever, not kept, and it is told so.
MOST_KEPT = 10_000


def keep_uncounted(
    session: Session, sender: Sender, read: ReadStatement, faults: Sequence[Fault], now: datetime
) -> bool:
    """Keeps a report for staff, and flags the case that it names; whether it is kept. The same again is counted up."""
    if _count_again(session, sender.id, read.document) is not None:
        return True
    if _count_open(session, sender.id) >= MOST_KEPT:
        return False
    case = _find_own_case(session, sender, read.case_id)
    _keep_report(session, sender.id, read.document, {}, faults, case, now)
    if case is not None:
        record_audit(session, now, sender.actor, "webhook.uncounted", case, faults=dump_faults(faults))
    return True


def keep_conflict(
    session: Session,
    source: str,
    document: Mapping[str, Any],
    fault: Fault,
    person: Assister,
    case: Case | None,
    actor: str,
    now: datetime,
) -> bool:
    """Keeps what was said of a known person by another name or address, for staff to look at (D8).

    Their ``case`` is flagged, where they have one; whether staff have said already that it is about this person. There
    is no most of these, since nobody would send them again: staff's own file bounds an import's, and a request by a
    confirmed address would else have opened a case.
    """
    before = _count_again(session, source, document)
    if before is None:
        _keep_report(session, source, document, {"assister_id": person.assister_id}, [fault], case, now)
        details: dict[str, Any] = {"source": source, "faults": dump_faults([fault])}
        if case is not None:
            record_audit(session, now, actor, "assister.conflict", case, **details)
        else:
            record_person_audit(session, now, actor, "assister.conflict", person.assister_id, **details)
    return before is not None and before.outcome == "counted"


def find_newest_case(session: Session, person: Assister) -> Case | None:
    """Somebody's newest case of either program, locked."""
    newest = select(col(Case.case_id)).where(col(Case.assister_id) == person.assister_id)
    case_id = one_or_none(session, newest.order_by(col(Case.opened_at).desc(), col(Case.case_id)).limit(1))
    return lock_case(session, case_id) if case_id else None


def _count_again(session: Session, source: str, document: Any) -> UncountedReport | None:
    """The same report as it came before, counted up; None where it is new."""
    same = (col(UncountedReport.sender) == source, col(UncountedReport.digest) == hash_document(document))
    row: UncountedReport | None = one_or_none(session, select(UncountedReport).where(*same))
    if row is not None:
        row.times += 1
        session.add(row)
    return row


def _keep_report(
    session: Session,
    source: str,
    document: Any,
    about: Mapping[str, str],
    faults: Sequence[Fault],
    case: Case | None,
    now: datetime,
) -> None:
    session.add(
        UncountedReport(
            sender=source,
            digest=hash_document(document),
            case_id=case.case_id if case else None,
            body={"text": write_exact(document), **about},
            faults=dump_faults(faults),
            received_at=now,
        )
    )
    session.flush()
    if case is not None and raise_flag(case, UNCOUNTED_REPORT, now):
        session.add(case)


def _count_open(session: Session, source: str) -> int:
    still_open = (col(UncountedReport.sender) == source, col(UncountedReport.settled_at).is_(None))
    return int(session.execute(select(func.count()).select_from(UncountedReport).where(*still_open)).scalar_one())


def _find_own_case(session: Session, sender: Sender, case_id: str | None) -> Case | None:
    """The case that was named, if it is one of the sender's program."""
    with suppress(UnknownCase):
        case = lock_case(session, case_id) if case_id else None
        return case if case is not None and case.program == sender.program else None
    return None
