"""Whom an identity provider's subject stands for: by the NPN they have proven with it, or by a verified address (D6).

Issuer and subject are kept as a keyed digest alone.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from db.own_tables import OwnIdentity
from db.reads.own_pages import list_own_cases
from db.tables import Assister


def link_proven_identity(session: Session, digest: str, assister_id: str, now: datetime) -> bool:
    """Keeps that somebody has proven their NPN with this identity; False where another person has done so."""
    known = session.get(OwnIdentity, digest)
    if known is not None and known.email is None:
        return known.assister_id == assister_id
    # The proof says more than the address by which they signed in before.
    _keep_identity(session, known, digest, assister_id, None, now)
    return True


def recognize_own_identity(session: Session, digest: str, verified: str | None, now: datetime) -> str | None:
    """The address whose pages this identity opens; None where it is nobody's and has no ``verified`` address itself.

    Who has proven an NPN with it is known by it for good. Who has signed in with it by an address is known by it while
    they have that address: whoever once had somebody's mailbox is not let in when they have another.
    """
    known = session.get(OwnIdentity, digest)
    if known is not None:
        theirs = session.get_one(Assister, known.assister_id).email.lower()
        if known.email in (None, theirs):
            return theirs
    if verified is None:
        return None
    email = verified.lower()
    owners = {case.assister_id for case in list_own_cases(session, {email})}
    # An address that stands in a case alone, or in two people's, tells nobody by it.
    theirs_alone = [one for one in owners if session.get_one(Assister, one).email.lower() == email]
    if len(owners) == 1 and theirs_alone:
        _keep_identity(session, known, digest, theirs_alone[0], email, now)
    return email


def _keep_identity(
    session: Session, known: OwnIdentity | None, digest: str, assister_id: str, email: str | None, now: datetime
) -> None:
    row = known or OwnIdentity(digest=digest, assister_id=assister_id, linked_at=now)
    row.assister_id, row.email, row.linked_at = assister_id, email, now
    session.add(row)
