"""Orders of background checks, each bound to whom it is made on (A14, D5)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, certification_of, list_rows, one_or_none
from db.tables import Case, EffectRow
from db.writes.effects import Intent, intend_effect
from db.writes.facts import lock_case, raise_flag, unflag_locked_case
from domain.shared.documents.faults import Fault, Invalid
from domain.state.background_reports import BackgroundCheck, BackgroundReport, read_order_number
from domain.state.facts import STOPPED, CheckChange
from domain.state.finding_inputs import digest_check_inputs

KIND = "background.ordered"
CHECK_SUSPENDED, CHECK_STOPPED = "check_suspended", "check_stopped"
_ORDERS = select(EffectRow).where(col(EffectRow.kind) == KIND)


def intend_check(
    session: Session, identity_key: bytes, key: str, case_id: str, now: datetime, number: int = 0
) -> tuple[Intent, str]:
    """The intent to order a check on who the request is of now, and the digest of that, empty for an order of before.

    One that was ordered on them already under another key is not ordered, nor billed, again, unless staff have had it
    ordered anew since. ``number`` is that of the order.
    """
    case = lock_case(session, case_id)
    inputs = digest_check_inputs(identity_key, applicant_of(case))
    intent = intend_effect(session, key, case_id, KIND, {"inputs": inputs}, now)
    if intent.ended or intent.result is not None or "inputs" not in intent.data:
        return intent, ""
    row = session.get_one(EffectRow, key)
    if row.data["inputs"] != inputs:  # an answer changed them since it was tried first
        row.data = {"inputs": inputs, "changed": True}
    session.add(row)
    orders: list[EffectRow] = list_rows(session, _ORDERS.where(col(EffectRow.case_id) == case_id))
    first = certification_of(session, case).check.first
    same = next((one for one in orders if one.key != key and _is_order_of(one, inputs, first)), None)
    if same is not None:
        row.data = {"inputs": inputs, "same_as": same.key}
        row.result, row.done_at = dict(same.result or {}), now
        return Intent(intent.snapshot, row.data, row.result, ended=False), inputs
    return intent, inputs


def _is_order_of(order: EffectRow, inputs: str, first: int) -> bool:
    """Whether it was made on these inputs, and its reports still count."""
    return bool(order.result) and order.data.get("inputs") == inputs and read_order_number(order.key) >= first


def find_order(session: Session, report: BackgroundReport) -> EffectRow:
    """The order under the vendor's candidate, or the one that is just being made for the case it names.

    Raises `Invalid` where there is none, or more than one that it may be about.
    """
    order: EffectRow | None = None
    if report.candidate_id:
        order = one_or_none(session, _ORDERS.where(col(EffectRow.external_id) == report.candidate_id))
    if order is None and report.case_id:
        # The report may overtake the answer to our order, which names the candidate.
        any_or_unanswered = [col(EffectRow.external_id).is_(None)] if report.candidate_id else []
        rows = list_rows(session, _ORDERS.where(col(EffectRow.case_id) == report.case_id, *any_or_unanswered))
        of_case = [row for row in rows if "same_as" not in row.data]
        # One that was tried for somebody else before may have left another candidate behind.
        order = of_case[0] if len(of_case) == 1 and not of_case[0].data.get("changed") else None
    if order is None or report.case_id not in (None, order.case_id):
        raise Invalid([Fault("data.object.candidate_id", "mismatch")])
    return order


def show_check(session: Session, case: Case, check: BackgroundCheck, now: datetime) -> None:
    """Puts a check before staff's eyes that can't come to a result by itself, and takes that back once it can (P12)."""
    lowered = []
    if check.change is CheckChange.SUSPENDED:
        raise_flag(case, CHECK_SUSPENDED, now)
    else:
        lowered.append(CHECK_SUSPENDED)
    if check.change in STOPPED:
        raise_flag(case, CHECK_STOPPED, now)
    else:
        lowered.append(CHECK_STOPPED)
    for flag in lowered:
        unflag_locked_case(session, case, flag, now)
    session.add(case)
