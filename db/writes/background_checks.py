"""Orders of background checks, each bound to whom it is made on (A14, D5)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, one_or_none
from db.tables import EffectRow
from db.writes.effects import Intent, intend_effect
from db.writes.facts import lock_case
from domain.shared.documents.faults import Fault, Invalid
from domain.state.background_reports import BackgroundReport
from domain.state.finding_inputs import digest_check_inputs

KIND = "background.ordered"
_ORDERS = select(EffectRow).where(col(EffectRow.kind) == KIND)


def intend_check(session: Session, identity_key: bytes, key: str, case_id: str, now: datetime) -> tuple[Intent, str]:
    """The intent to order a check on who the request is of now, and the digest of that, empty for an order of before.

    One that was ordered on them already under another key is not ordered, nor billed, again.
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
    same = next((one for one in orders if one.key != key and one.result and one.data.get("inputs") == inputs), None)
    if same is not None:
        row.data = {"inputs": inputs, "same_as": same.key}
        row.result, row.done_at = dict(same.result or {}), now
        return Intent(intent.snapshot, row.data, row.result, ended=False), inputs
    return intent, inputs


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
