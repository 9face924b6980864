"""Adverse actions whose own workflow has to run, so that one that is lost is begun again (E8)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import list_rows, load_snapshot
from db.tables import Case, EffectRow, FactRow, StageEntry
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import BeginAdverseFollowing, CaseRef
from domain.shared.cases.notices import Notice
from domain.shared.cases.stages import Stage
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.adverse_actions import list_due_letters


def list_denied_cases(session: Session, after: str, last: str, since: datetime) -> list[str]:
    """Cases that were denied by a report since an instant, and whose final notice isn't recorded.

    Their ids are later than ``after``, and not later than ``last`` where that is not empty.
    """
    told = (col(EffectRow.kind) == f"notice.{Notice.ADVERSE_ACTION_FINAL}", col(EffectRow.result).is_not(None))
    begun = col(FactRow.kind) == FactKind.ADVERSE_ACTION_BEGUN
    query = select(col(Case.case_id)).join(StageEntry, col(StageEntry.case_id) == col(Case.case_id))
    query = query.where(
        col(StageEntry.stage) == Stage.DENIED,
        col(StageEntry.left_at).is_(None),
        col(StageEntry.entered_at) > since,
        col(Case.case_id) > after,
        exists().where(col(FactRow.case_id) == col(Case.case_id), begun),
        ~exists().where(col(EffectRow.case_id) == col(Case.case_id), *told),
    )
    return list_rows(session, query.where(col(Case.case_id) <= last) if last else query)


def list_followed_actions(session: Session, case_ids: Collection[str], before: datetime) -> list[BeginAdverseFollowing]:
    """The adverse actions of these cases that are open, or of which the assister isn't told yet how they ended.

    Those recorded since ``before`` are left out: their workflow may be on its way.
    """
    begun = and_(col(FactRow.kind) == FactKind.ADVERSE_ACTION_BEGUN, col(FactRow.recorded_at) < before)
    query = select(col(FactRow.case_id)).where(col(FactRow.case_id).in_(list(case_ids)), begun)
    found = (find_followed_action(session, case_id) for case_id in sorted(set(list_rows(session, query))))
    return [one for one in found if one is not None]


def find_followed_action(session: Session, case_id: str) -> BeginAdverseFollowing | None:
    """The adverse action of a case whose workflow has to run; None where there is none. Raises `UnknownCase`."""
    snapshot = load_snapshot(session, case_id)
    action = None if snapshot.case.program == FEDERAL_PROGRAM else snapshot.certification.adverse_action
    if action is None:
        return None
    due = list_due_letters(CaseRef(case_id=case_id, at=action.since), action, has_ended=snapshot.state.ended)
    keys = {letter.key for letter in due}
    sent = select(col(EffectRow.key)).where(col(EffectRow.key).in_(keys), col(EffectRow.result).is_not(None))
    is_followed = action.is_open or keys - set(list_rows(session, sent))
    return BeginAdverseFollowing(case_id=case_id, number=action.number) if is_followed else None
