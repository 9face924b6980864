"""Whose name a certificate prints (A23, B17, D2)."""

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot
from db.reads.npn.claims import find_claim
from domain.shared.assister import is_same_name
from domain.shared.claims import BY_REGISTRY, ClaimState


def name_holder(session: Session, view: CaseSnapshot) -> str:
    """The name that was proven: the registry's, where an NPN was proven by what the registry says of its owner.

    Where the person writes the same name, it is printed as they write it. Staff have seen a document beside the case's
    name; without an NPN there is no other one.
    """
    who = view.applicant
    claim = find_claim(session, view.case.assister_id, who.npn) if who.npn else None
    if claim is None or claim.state != ClaimState.PROVEN or claim.method not in BY_REGISTRY:
        return who.name
    first, last = claim.registered_name or ("", "")
    if not first or not last or is_same_name(who.first_name, who.last_name, first, last):
        return who.name
    return f"{first} {last}"
