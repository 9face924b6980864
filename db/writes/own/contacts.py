"""How somebody is reached and spoken of, corrected by themselves: phone, addresses, on which no check was made (D6).

The e-mail address is none of these: it is confirmed by a code, in addresses.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.tables import Assister, Case
from db.writes.facts import lock_case, record_audit
from db.writes.own.sessions import ACTOR
from domain.shared.cases.opening import merge_details
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.state.contacts import amend_contacts


def correct_own_contacts(session: Session, case_id: str, changes: Mapping[str, Any], now: datetime) -> bool:
    """Lays corrected contacts over a certification's request and what is kept of its person; whether any is new.

    Raises `Invalid` naming every field at fault, and `Refusal` for a case that has ended.
    """
    case = lock_case(session, case_id)
    if case.stage in ENDED:
        raise Refusal(Reason("case_ended", {"stage": case.stage}))
    amended = amend_contacts(case.request, changes)
    # How one is addressed is left out where it is not said.
    given = {name: amended.get(name, "") for name in changes}
    changed = {name: value for name, value in given.items() if value != case.request.get(name, "")}
    if not changed:
        return False
    _keep(session, case, changed)
    # Which fields, and not what stands in them: the audit is kept for longer than the request.
    record_audit(session, now, ACTOR, "own.contacts_corrected", case, fields=sorted(changed))
    return True


def _keep(session: Session, case: Case, changed: Mapping[str, Any]) -> None:
    case.request = {**case.request, **changed}
    session.add(case)
    person = session.get_one(Assister, case.assister_id)
    person.details = merge_details(person.details, changed, ())
    session.add(person)
