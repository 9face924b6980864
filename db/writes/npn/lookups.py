"""The registry asked for its address of an NPN from before claims were proven, once its claimant wants that (D2).

Of every other claim the addresses are heard when the registry is asked anyway. The web doesn't reach the registry: it
leaves a row, and the background work asks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists
from sqlalchemy.orm import Session, aliased
from sqlmodel import col, select

from db.case_state import applicant_of
from db.claim_tables import NpnClaim
from db.reads.npn.claims import find_claim, find_proof_offer
from db.tables import Case
from db.writes.facts import lock_case, record_audit
from db.writes.npn.claims import ASSISTER, keep_owner
from domain.shared.cases.stages import ENDED
from domain.shared.claims import ClaimState, RegisteredOwner

# A registry that can't be asked is asked again this soon, then later and later; after so many times no more, until its
# claimant wants it again: a week of hours.
FIRST_PAUSE, LONGEST_PAUSE, MOST_ATTEMPTS = timedelta(minutes=5), timedelta(hours=1), 170
# How many are asked about in one round: look-ups are billed.
PAGE = 20


@dataclass(frozen=True)
class Lookup:
    """A claim about whose NPN the registry is to be asked."""

    number: int
    npn: str


def ask_lookup(session: Session, case_id: str, now: datetime) -> None:
    """Has the registry asked about the NPN of a case, once. Nothing where it was, or need not be."""
    case = lock_case(session, case_id)
    offer, npn = find_proof_offer(session, case), applicant_of(case).npn
    claim = find_claim(session, case.assister_id, npn) if npn else None
    if offer is None or not offer.can_ask or claim is None:
        return
    claim.lookup_due_at, claim.lookups = now, 0
    session.add(claim)
    record_audit(session, now, ASSISTER, "npn.lookup_asked", case)


def list_due_lookups(session: Session, now: datetime) -> list[Lookup]:
    """What the registry is to be asked about now, the oldest first.

    Nothing is asked for who has no open case any more, nor about an NPN that somebody has proven meanwhile.
    """
    proven = aliased(NpnClaim)
    is_proven = exists().where(col(proven.npn) == col(NpnClaim.npn), col(proven.state) == ClaimState.PROVEN)
    is_open = exists().where(col(Case.assister_id) == col(NpnClaim.assister_id), col(Case.stage).not_in(ENDED))
    due = select(col(NpnClaim.id), col(NpnClaim.npn)).where(col(NpnClaim.lookup_due_at) <= now, is_open, ~is_proven)
    found = session.execute(due.order_by(col(NpnClaim.lookup_due_at)).limit(PAGE))
    return [Lookup(number, npn) for number, npn in found if number is not None]


def finish_lookup(session: Session, number: int, owner: RegisteredOwner | None, now: datetime) -> None:
    """Keeps whom the registry has for the NPN; None where it could not be asked, which is tried again for a week."""
    claim = session.get_one(NpnClaim, number)
    if owner is None:
        pause = min(FIRST_PAUSE * 2 ** min(claim.lookups, 10), LONGEST_PAUSE)
        claim.lookups += 1
        claim.lookup_due_at = now + pause if claim.lookups < MOST_ATTEMPTS else None
    else:
        claim.lookup_due_at = None
        if claim.state != ClaimState.PROVEN:
            keep_owner(claim, owner)
    session.add(claim)
