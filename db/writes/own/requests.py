"""Requests of the public's forms, their addresses confirmed: taken, and what differs told by mail alone (D1, D4)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.writes.drafts import close_draft
from db.writes.opening import Opened, open_requested_case
from db.writes.own.aliases import keep_alias
from db.writes.own.answers import keep_answer
from db.writes.own.sessions import open_own_session
from domain.programs.opening import AnyRequest
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import derive_case_id
from domain.shared.request_answers import RequestAnswer


def take_request(
    session: Session,
    identity_key: bytes,
    request: AnyRequest,
    draft: str,
    now: datetime,
    shown: Mapping[str, str] | None = None,
) -> Opened | None:
    """Opens the case a request asks for; where it opens none, a letter that says why is kept to be sent.

    None where the request may not come in, or gives somebody else's identity. ``draft`` is the secret of its draft, by
    which its reference number is known whatever becomes of it; ``shown`` as in `open_requested_case`.
    """
    try:
        opened = open_requested_case(session, identity_key, request, now, shown, case_id=derive_case_id(draft))
    except Invalid as invalid:
        _keep_answer(session, request, RequestAnswer.REFUSED, now, invalid.faults)
        return None
    if isinstance(opened, Refusal):
        _keep_answer(session, request, RequestAnswer.CONFLICT, now)
        return None
    if not opened.created:
        keep_alias(session, derive_case_id(draft), opened.case_id, now)
        _keep_answer(session, request, RequestAnswer.REPEATED, now, case_id=opened.case_id)
    return opened


@dataclass(frozen=True)
class ConfirmedRequest:
    """A request whose address a code has confirmed: the new case to be begun, if any, and the session's secret."""

    case_id: str | None
    token: str


def take_confirmed_request(
    session: Session,
    identity_key: bytes,
    request: AnyRequest,
    draft: str,
    left: Collection[str],
    replaced: str | None,
    now: datetime,
    shown: Mapping[str, str] | None = None,
) -> ConfirmedRequest:
    """Takes the request of a form, closes its draft but for what is ``left`` of it, and signs in who has sent it.

    ``draft`` is the draft's secret, ``replaced`` that of the session which the browser had before.
    """
    opened = take_request(session, identity_key, request, draft, now, shown)
    close_draft(session, draft, left, now)
    token = open_own_session(session, request.email.lower(), replaced, now)
    return ConfirmedRequest(opened.case_id if opened is not None and opened.created else None, token)


def _keep_answer(
    session: Session,
    request: AnyRequest,
    answer: RequestAnswer,
    now: datetime,
    faults: Iterable[Fault] = (),
    case_id: str | None = None,
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
        case_id=case_id,
    )
