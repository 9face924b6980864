"""Letters about requests, claims and addresses that no workflow sends: kept until they are sent (D3, D4, D6)."""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlmodel import col, delete, select

from db.case_state import applicant_of, list_rows
from db.own_tables import AnswerRow
from db.tables import Case
from domain.shared.documents.faults import Fault, dump_faults
from domain.shared.reference_numbers import make_reference_number
from domain.shared.request_answers import RequestAnswer

# A letter that can't be sent is tried again this soon, and given up after this long.
AGAIN_AFTER, GIVEN_UP_AFTER = timedelta(minutes=1), timedelta(days=3)
# How many letters are sent at once.
PAGE = 20


def keep_answer(
    session: Session,
    answer: RequestAnswer,
    now: datetime,
    *,
    email: str,
    language: str,
    program: str,
    plan_year: int,
    faults: Iterable[Fault] = (),
    case_id: str | None = None,
) -> None:
    """Keeps a letter to be sent; ``case_id`` is the case that it is about, whose reference number it carries."""
    row = AnswerRow(
        id=secrets.token_hex(16),
        email=email,
        language=language,
        program=program,
        plan_year=plan_year,
        answer=answer,
        faults=dump_faults(faults),
        asked_at=now,
        next_attempt_at=now,
        reference=make_reference_number(case_id) if case_id else None,
    )
    session.add(row)


def keep_claim_answer(
    session: Session, answer: RequestAnswer, case: Case, now: datetime, email: str | None = None
) -> None:
    """Keeps a letter about the claim on an NPN in a case, to the address of that case or another one of its person."""
    who = applicant_of(case)
    keep_answer(
        session,
        answer,
        now,
        email=email or who.email,
        language=who.language,
        program=case.program,
        plan_year=case.plan_year,
        case_id=case.case_id,
    )


def list_due_answers(session: Session, now: datetime) -> list[str]:
    """The letters that are due, those that wait longest first."""
    due = select(col(AnswerRow.id)).where(col(AnswerRow.next_attempt_at) <= now)
    return list_rows(session, due.order_by(col(AnswerRow.next_attempt_at)).limit(PAGE))


def claim_answers(session: Session, ids: Collection[str], now: datetime) -> list[AnswerRow]:
    """Puts off these letters before they are sent, so that what fails afterwards makes no flood of them."""
    due = select(AnswerRow).where(col(AnswerRow.id).in_(ids), col(AnswerRow.next_attempt_at) <= now)
    found = list_rows(session, due.order_by(col(AnswerRow.next_attempt_at)).with_for_update())
    for row in found:
        row.next_attempt_at = now + AGAIN_AFTER
        session.add(row)
    return found


def finish_answers(session: Session, sent: Collection[str], failed: Collection[str], now: datetime) -> None:
    """Deletes the letters that were sent, and those that failed for too long; the others are tried again."""
    session.execute(delete(AnswerRow).where(col(AnswerRow.id).in_(sent)))
    too_old = col(AnswerRow.asked_at) <= now - GIVEN_UP_AFTER
    session.execute(delete(AnswerRow).where(col(AnswerRow.id).in_(failed), too_old))
