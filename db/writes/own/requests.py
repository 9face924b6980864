"""Requests of the public's forms, their addresses confirmed: taken, and what differs told by mail alone (D1, D4)."""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlmodel import col, delete, select

from db.case_state import list_rows
from db.own_tables import AnswerRow
from db.writes.opening import Opened, open_requested_case
from domain.programs.opening import AnyRequest
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid, dump_faults
from domain.shared.request_answers import RequestAnswer

# A letter that can't be sent is tried again this soon, and given up after this long.
AGAIN_AFTER, GIVEN_UP_AFTER = timedelta(minutes=1), timedelta(days=3)
# How many letters are sent at once.
PAGE = 20


def take_request(
    session: Session, identity_key: bytes, request: AnyRequest, now: datetime, language: str | None = None
) -> Opened | None:
    """Opens the case a request asks for; where it opens none, a letter that says why is kept to be sent.

    None where the request may not come in, or gives somebody else's identity; ``language`` as in `open_requested_case`.
    """
    try:
        opened = open_requested_case(session, identity_key, request, now, language)
    except Invalid as invalid:
        _keep_answer(session, request, RequestAnswer.REFUSED, now, invalid.faults)
        return None
    if isinstance(opened, Refusal):
        _keep_answer(session, request, RequestAnswer.CONFLICT, now)
        return None
    if not opened.created:
        _keep_answer(session, request, RequestAnswer.REPEATED, now)
    return opened


def list_due_answers(session: Session, now: datetime) -> list[AnswerRow]:
    """The letters that are due, the oldest first."""
    due = select(AnswerRow).where(col(AnswerRow.next_attempt_at) <= now)
    return list_rows(session, due.order_by(col(AnswerRow.next_attempt_at)).limit(PAGE))


def finish_answers(session: Session, sent: Collection[str], failed: Collection[str], now: datetime) -> None:
    """Deletes the letters that were sent, and those that failed for too long; the others are tried again."""
    session.execute(delete(AnswerRow).where(col(AnswerRow.id).in_(sent)))
    for row in list_rows(session, select(AnswerRow).where(col(AnswerRow.id).in_(failed))):
        if now >= row.asked_at + GIVEN_UP_AFTER:
            session.delete(row)
            continue
        row.next_attempt_at = now + AGAIN_AFTER
        session.add(row)


def _keep_answer(
    session: Session, request: AnyRequest, answer: RequestAnswer, now: datetime, faults: Iterable[Fault] = ()
) -> None:
    row = AnswerRow(
        id=secrets.token_hex(16),
        email=request.email,
        language=request.language,
        program=request.program,
        plan_year=request.plan_year,
        answer=answer,
        faults=dump_faults(faults),
        asked_at=now,
        next_attempt_at=now,
    )
    session.add(row)
