"""Requests of the public's forms, their addresses confirmed: taken, and what differs told by mail alone (D1, D4)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from db.writes.opening import Opened, open_requested_case
from db.writes.own.answers import keep_answer
from domain.programs.opening import AnyRequest
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.request_answers import RequestAnswer


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


def _keep_answer(
    session: Session, request: AnyRequest, answer: RequestAnswer, now: datetime, faults: Iterable[Fault] = ()
) -> None:
    keep_answer(
        session,
        answer,
        now,
        email=request.email,
        language=request.language,
        program=request.program,
        plan_year=request.plan_year,
        faults=faults,
    )
