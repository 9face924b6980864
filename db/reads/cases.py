"""Cases and certificates as programs and the public read them: lists, the audit, a certificate, an e-mail's case."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, load_case, one_or_none, state_of
from db.reads.certificates import judge_certificate
from db.reads.desk.assignments import list_desks
from db.reads.house.staff_names import list_staff_names
from db.reads.queue import Filters, list_desk_conditions
from db.reads.status import list_reasons, to_json_values
from db.tables import Assister, AuditRow, Case, CertificateRow, CommandRow
from domain.shared.cases.commands import CommandKind
from domain.shared.documents.instants import format_instant
from domain.shared.ids import parse_certificate_number
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.staff_names import call_actor

LONGEST_LIST = 500
_LISTED = (
    "case_id",
    "assister_id",
    "program",
    "plan_year",
    "kind",
    "assister_type",
    "stage",
    "waiting_for",
    "waiting_since",
    "opened_at",
    "flag",
)


def read_case_list(
    session: Session,
    filters: Filters,
    after: str | None = None,
    limit: int = LONGEST_LIST,
    with_names: bool = False,
) -> list[dict[str, Any]]:
    """Cases as JSON documents, newest first; ``after`` is the last case_id of the page before.

    Each has `desk`, on whose desk it is at ``filters.at``, as the audit names them, and `desk_name`, what they are
    called; both are null where that is nobody's. With ``with_names`` each has `name` besides, first and last name as
    the case has them now: for readers whose access need not be recorded. Raises `UnknownCase` where ``after`` is none.
    """
    query = select(Case).order_by(col(Case.opened_at).desc(), col(Case.case_id)).limit(limit)
    wanted = filters.list_wanted()
    if (desk := wanted.pop("desk", None)) is not None:
        query = query.where(*list_desk_conditions(desk, filters.at))
    for name, value in wanted.items():
        query = query.where(getattr(Case, name) == value)
    if after is not None:
        last = load_case(session, after)
        same_time_later_id = (col(Case.opened_at) == last.opened_at) & (col(Case.case_id) > after)
        query = query.where((col(Case.opened_at) < last.opened_at) | same_time_later_id)
    cases = list_rows(session, query)
    desks = list_desks(session, [case.case_id for case in cases], filters.at) if filters.at else {}
    names = list_staff_names(session) if desks else {}
    return [_describe_listed(case, desks.get(case.case_id), names, with_names) for case in cases]


def _describe_listed(case: Case, desk: str | None, names: Mapping[str, str], with_name: bool) -> dict[str, Any]:
    listed = to_json_values({name: getattr(case, name) for name in _LISTED})
    listed |= {"desk": desk, "desk_name": call_actor(desk, names) if desk else None}
    return {**listed, "name": applicant_of(case).name} if with_name else listed


def read_audit(session: Session, case_id: str) -> list[dict[str, Any]]:
    """Every write about a case as JSON: {at, actor, action, reason, details} (C9). Raises `UnknownCase`."""
    load_case(session, case_id)
    found = list_rows(session, select(AuditRow).where(col(AuditRow.case_id) == case_id).order_by(col(AuditRow.id)))
    return [
        {
            "at": format_instant(row.at),
            "actor": row.actor,
            "action": row.action,
            "reason": row.reason,
            "details": row.details,
        }
        for row in found
    ]


def read_certificate(session: Session, number: str, now: datetime) -> dict[str, Any] | None:
    """What the public may know of a certificate, as JSON; None where there is no such number.

    Its holder is named, and certified as what they were, on the day it was issued; the market is there in the
    federal program only, ``awaits_portal`` where the holder may help once their portal account is ready.
    """
    row = session.get(CertificateRow, parse_certificate_number(number))
    if row is None:
        return None
    case = load_case(session, row.case_id)
    state = state_of(session, case)
    worth = judge_certificate(session, case, state, row, now)
    obstacles = list_reasons(session, case, state, now)
    # Where nothing but the portal is missing, the holder may soon; why else somebody may not is not for the public.
    awaits_portal = worth.status == "valid" and obstacles == ["portal_not_ready"]
    return {
        "number": row.number,
        "status": worth.status,
        "may_assist": worth.status == "valid" and not obstacles,
        "holder": row.holder or applicant_of(case).name,
        "kind": row.kind or case.kind,
        "program": case.program,
        "plan_year": case.plan_year,
        "issued_at": format_instant(row.issued_at),
        "valid_until": worth.valid_until.isoformat() if worth.valid_until else None,
        "sha256": row.sha256,
        **({"awaits_portal": True} if awaits_portal else {}),
        **({"market": row.market} if row.market else {}),
        **({"superseded_by": worth.superseded_by} if worth.superseded_by else {}),
    }


def find_applicant(session: Session, email: str, number: str | None, now: datetime) -> dict[str, Any] | None:
    """For the state's portal: the case of this e-mail address as {case_id, kind, certificate}; None without one.

    It is the case of the certificate of this number if that is theirs, else their newest; the certificate is then
    {number, status}, its status *suspended* while the authority is, and None where the number is another person's or
    nobody's.
    """
    people = list_rows(session, _find_people(email))
    ours = select(Case).where(col(Case.assister_id).in_(people), col(Case.program) != FEDERAL_PROGRAM)
    found = list_rows(session, ours.order_by(col(Case.opened_at).desc()).limit(50))
    if not found:
        return None
    certificate = session.get(CertificateRow, parse_certificate_number(number)) if number else None
    case = next((one for one in found if certificate and one.case_id == certificate.case_id), found[0])
    shown = None
    if certificate is not None and certificate.case_id == case.case_id:
        public = read_certificate(session, certificate.number, now)
        state = "suspended" if state_of(session, case).authority.is_suspended else None
        shown = {"number": certificate.number, "status": state or public["status"]} if public else None
    return {"case_id": case.case_id, "kind": case.kind, "certificate": shown}


def find_last_save(session: Session, case_id: str) -> CommandRow | None:
    """The profile of a registration that was sent last: saved, refused, or waiting for a worker (B7)."""
    saves = col(CommandRow.kind) == CommandKind.SAVE_PROFILE.value
    query = select(CommandRow).where(col(CommandRow.case_id) == case_id, saves)
    found: CommandRow | None = one_or_none(session, query.order_by(col(CommandRow.created_at).desc()).limit(1))
    return found


def _find_people(email: str) -> Any:
    """The query for who has this e-mail address, in whatever case it is written."""
    return select(col(Assister.assister_id)).where(func.lower(col(Assister.email)) == email.lower())
