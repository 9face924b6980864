"""The reminders due today and not sent yet, a page of cases at a time (A18)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import any_policy_of, list_rows
from db.tables import Case, EffectRow
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reminders import find_due_date
from domain.shared.cases.stages import OWNER
from domain.shared.policy import find_local_date

WAITS_OF_ASSISTERS = [wait.value for wait, owner in OWNER.items() if owner == "assister"]
PAGE = 200


def list_due_reminders(session: Session, now: datetime, after: str, page: int = PAGE) -> tuple[list[Letter], str]:
    """The reminders to send to a page of cases, and the case id after which the next page begins.

    ``after`` is empty for the first page, and so is the answer's id after the last one. A reminder of today that was
    sent already is left out, so that the daily reminders may be repeated.
    """
    found: list[Case] = list_rows(
        session,
        select(Case)
        .where(
            col(Case.case_id) > after,
            col(Case.waiting_for).in_(WAITS_OF_ASSISTERS),
            col(Case.waiting_since).is_not(None),
        )
        .order_by(col(Case.case_id))
        .limit(page),
    )
    letters = [letter for case in found if (letter := _reminder_of(session, case, now)) is not None]
    keys = [letter.key for letter in letters]
    sent = select(col(EffectRow.key)).where(col(EffectRow.key).in_(keys), col(EffectRow.result).is_not(None))
    done = set(list_rows(session, sent))
    return [letter for letter in letters if letter.key not in done], found[-1].case_id if len(found) == page else ""


def _reminder_of(session: Session, case: Case, now: datetime) -> Letter | None:
    policy = any_policy_of(session, case)
    assert case.waiting_since is not None
    since, today = find_local_date(policy, case.waiting_since), find_local_date(policy, now)
    due = find_due_date(since, today, policy.reminder_every_days, policy.reminders_at_most)
    if due is None:
        return None
    return Letter(case_id=case.case_id, at=now, notice=Notice.REMINDER, about=f"{case.waiting_for}:{due.isoformat()}")
