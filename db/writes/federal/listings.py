"""What the federal lists say of a registration: entries seen and entries late, with the flag that late ones raise."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import snapshot_case
from db.writes.cases import flag_case, record_facts, unflag_case
from db.writes.facts import lock_case
from domain.federal.facts import ListingData
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import RegistrationSnapshot
from domain.shared.cases.reasons import Reason

LATE = "list_late"


def record_listing(session: Session, case_id: str, facts: Sequence[Fact], now: datetime) -> RegistrationSnapshot:
    """Records what a look at the lists found, and answers where the registration stands after it.

    A late entry is put before staff's eyes; the flag goes once none that is late is waited for any more.
    """
    for fact in facts:
        if fact.kind is FactKind.LIST_LATE:
            late = Reason("not_listed_in_time", {"list": fact.read_as(ListingData).list.value})
            flag_case(session, case_id, LATE, now, late)
        record_facts(session, case_id, [fact], now, f"watch.{fact.kind.value}", **fact.data)
    case = lock_case(session, case_id)
    state = snapshot_case(session, case).registration
    if not state.awaits_late_entry:
        unflag_case(session, case_id, LATE, now)
    return state.take_snapshot()
