"""Keeps what mail servers report of a letter they had taken: that it came back, or is late."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.house_tables import ReturnedLetter
from db.tables import Case, SentMail
from db.writes.facts import MAIL_REFUSED, flag_locked_case, lock_case, record_audit
from domain.shared.documents.bounces import DeliveryReport, Outcome


def record_report(session: Session, message_id: str, report: DeliveryReport, actor: str, now: datetime) -> bool:
    """Keeps a report of returned or delayed about one of our letters; whether it says anything new.

    The case of a letter that came back is flagged as for one that was refused on the spot; a delay is only counted.
    """
    sent = session.execute(
        select(SentMail.case_id, SentMail.notice).where(col(SentMail.message_id) == message_id)
    ).first()
    # Reports of one letter that come together wait for each other here.
    case = lock_case(session, sent.case_id) if sent is not None else None
    row = session.get(ReturnedLetter, message_id, with_for_update=True)
    if row is None:
        row = ReturnedLetter(message_id=message_id, case_id=case.case_id if case else None, status="")
    is_return = report.outcome is Outcome.RETURNED
    if row.returned_at is not None or (row.delayed_at is not None and not is_return):
        return False
    row.status = report.status
    if is_return:
        row.returned_at = now
    else:
        row.delayed_at = now
    session.add(row)
    if case is not None and sent is not None:
        record_audit(session, now, actor, f"mail.{report.outcome}", case, notice=sent.notice, status=report.status)
        if is_return:
            flag_locked_case(session, case, MAIL_REFUSED, now)
    return True


def settle_early_return(session: Session, case: Case, message_id: str, now: datetime) -> None:
    """A letter of a case that the caller has locked is kept now: a report of it may have been faster."""
    row = session.get(ReturnedLetter, message_id)
    if row is None or row.case_id is not None:
        return
    row.case_id = case.case_id
    session.add(row)
    if row.returned_at is not None:
        flag_locked_case(session, case, MAIL_REFUSED, now)
