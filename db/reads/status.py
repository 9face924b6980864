"""The status document of a case, of either program, and the history of its facts and notices."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import any_policy_of, facts_of, fold_case, list_rows, load_case, policy_of, request_of
from db.tables import Case, EffectRow, FactRow
from domain.federal.may_assist import describe_registration, list_marketplace_obstacles
from domain.federal.profile import REQUIRED
from domain.federal.registration import RegistrationState
from domain.programs.policies import find_last_day
from domain.programs.state import CaseState
from domain.shared.cases.appeals import find_current_appeal
from domain.shared.documents.instants import format_instant
from domain.shared.policy import find_local_date
from domain.state.certification import CertificationState
from domain.state.may_assist import describe_certification, list_obstacles
from domain.state.training_deadline import describe_deadline


def read_status(session: Session, case_id: str, now: datetime, with_history: bool = False) -> dict[str, Any]:
    """The status document of a case; ``history`` has its facts and notices, if asked for. Raises `UnknownCase`."""
    case = load_case(session, case_id)
    document = describe_status(session, case, fold_case(case, facts_of(session, case_id)), now)
    if with_history:
        document["history"] = _read_history(session, case_id)
    return document


def describe_status(session: Session, case: Case, state: CaseState, now: datetime) -> dict[str, Any]:
    """The status document of either program as JSON values; docs/stages.md lists every value it may hold."""
    if isinstance(state, RegistrationState):
        parts = _describe_registration(state)
    else:
        parts = _describe_certification(session, case, state)
    reasons = list_reasons(session, case, state, now)
    document = {
        "case_id": case.case_id,
        "assister_id": case.assister_id,
        "workflow_id": case.workflow_id,
        "program": case.program,
        "plan_year": case.plan_year,
        "kind": case.kind,
        "assister_type": case.assister_type,
        "stage": parts.pop("stage"),
        "waiting_for": parts.pop("waiting_for"),
        "waiting_since": parts.pop("waiting_since"),
        "may_assist": not reasons,
        "may_assist_reasons": reasons,
        "flag": case.flag,
        "appeal": _describe_appeal(state),
        **parts,
    }
    plain: dict[str, Any] = to_json_values(document)
    return plain


def list_reasons(session: Session, case: Case, state: CaseState, now: datetime) -> list[str]:
    """Why this person may not help consumers: codes of reasons; empty when they may."""
    today = find_local_date(any_policy_of(session, case), now)
    last_day = find_last_day(case.program, case.plan_year)
    if isinstance(state, RegistrationState):
        return list_marketplace_obstacles(state, today, last_day)
    return list_obstacles(state, today, last_day)


def _describe_appeal(state: CaseState) -> dict[str, Any] | None:
    """The appeal to be decided, else the last one, without what people wrote; None where there was none (E5, E6)."""
    last = find_current_appeal(state.appeals)
    if last is None:
        return None
    return {
        "number": last.number,
        "appealed": last.filed.appealed,
        "state": last.state,
        "outcome": last.outcome,
        "phase": last.phase,
        "filed_at": last.filed_at,
        "last_day": last.filed.last_day,
        "due_on": last.due_on if last.is_open else None,
    }


def _describe_certification(session: Session, case: Case, state: CertificationState) -> dict[str, Any]:
    parts = describe_certification(state)
    policy = policy_of(session, case)
    parts["training"] |= {"course": policy.lms.course_id, "deadline": describe_deadline(state, policy)}
    return {**parts, "insurers": list(request_of(case).insurers)}


def _describe_registration(state: RegistrationState) -> dict[str, Any]:
    parts = describe_registration(state)
    parts["profile"] |= {"required": REQUIRED[state.profile.role]}
    return parts


def _read_history(session: Session, case_id: str) -> list[dict[str, Any]]:
    """Facts, and notices that were sent, in the order of their times."""
    facts = list_rows(session, select(FactRow).where(col(FactRow.case_id) == case_id))
    of_notices = col(EffectRow.kind).like("notice.%")
    notices = list_rows(session, select(EffectRow).where(col(EffectRow.case_id) == case_id, of_notices))
    entries = [{"id": row.id, "kind": row.kind, "at": row.at, "data": row.data} for row in facts]
    entries += [
        {"id": row.key, "kind": row.kind, "at": row.done_at, "data": {"subject": row.result.get("subject")}}
        for row in notices
        if row.result and not row.result.get("overtaken")
    ]
    return [to_json_values(entry) for entry in sorted(entries, key=lambda entry: (entry["at"], entry["id"]))]


def to_json_values(value: Any) -> Any:
    """Instants and dates as text, however deep; the rest as it is."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: to_json_values(item) for key, item in value.items()}
    return [to_json_values(item) for item in value] if isinstance(value, list | tuple) else value
