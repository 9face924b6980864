"""What staff write down about a case for each other, and the flag they put up by hand; both audited."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.desk_tables import CaseNote
from db.reads.desk.notes import count_notes
from db.writes.facts import lock_case, raise_flag, record_audit
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.documents.texts import find_text_faults

MOST_NOTES = 200  # of a case
# The flag that staff put up themselves.
BY_STAFF = "by_staff"


def add_note(session: Session, note_id: str, case_id: str, text: str, actor: str, now: datetime) -> None:
    """Keeps a note; the same one sent twice is one. The audit says that there is one, not what it says.

    Raises `UnknownCase`, `Invalid` for no text or too much of it, and `Refusal` where the case has as many as it may.
    """
    if faults := find_text_faults("note", text):
        raise Invalid(faults)
    case = lock_case(session, case_id)
    if session.get(CaseNote, note_id) is not None:
        return
    if count_notes(session, case_id) >= MOST_NOTES:
        raise Refusal(Reason("notes_full", {"most": str(MOST_NOTES)}))
    session.add(CaseNote(id=note_id, case_id=case_id, at=now, author=actor, text=text.strip()))
    record_audit(session, now, actor, "case.noted", case)


def raise_flag_by_hand(session: Session, case_id: str, actor: str, reason: str, now: datetime) -> None:
    """Staff put a case before everybody's eyes; the flag is taken down as any other is.

    Raises `UnknownCase`, `Invalid` without a reason, and `Refusal` where it is up.
    """
    if faults := find_text_faults("reason", reason):
        raise Invalid(faults)
    case = lock_case(session, case_id)
    if not raise_flag(case, BY_STAFF, now):
        raise Refusal(Reason("flag_is_up"))
    session.add(case)
    record_audit(session, now, actor, f"case.flagged.{BY_STAFF}", case, reason.strip())
