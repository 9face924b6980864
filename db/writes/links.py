"""E-mailed links, kept by their hash: of single use, to activate an account (A28)."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from db.tables import CommandRow, LinkRow
from db.writes.facts import lock_case, record_audit
from domain.shared.cases.commands import OWN_REASONS, CommandKind
from domain.shared.ids import hash_token

ACTIVATION = "activation"


def keep_link(session: Session, token: str, case_id: str, purpose: str, now: datetime, expires_at: datetime) -> bool:
    """Keeps a link by its hash; a new activation link voids the ones before it, and one kept before lives anew.

    Answers whether it can be used: one kept before may have been, or be void since a newer one was made.
    """
    lock_case(session, case_id)
    digest = hash_token(token)
    row = session.get(LinkRow, digest)
    if row is not None:
        row.expires_at = expires_at
        return row.used_at is None and row.voided_at is None
    if purpose == ACTIVATION:
        void_activation_links(session, case_id, now)
    session.add(LinkRow(token_hash=digest, case_id=case_id, purpose=purpose, created_at=now, expires_at=expires_at))
    return True


def use_activation_link(session: Session, token: str, now: datetime) -> CommandRow | None:
    """Uses up an activation link, and keeps the command it comes to; None if it is unknown, used, expired or void.

    Both in one transaction: a link that is spent without an account activated would be the last one.
    """
    row = session.get(LinkRow, hash_token(token))
    if row is None or row.purpose != ACTIVATION:
        return None
    case = lock_case(session, row.case_id)
    session.refresh(row)  # of two who confirm at once the second finds it used
    if row.used_at or row.voided_at or row.expires_at <= now:
        return None
    row.used_at = now
    session.add(row)
    record_audit(session, now, "assister", "portal.activation_link_used", case)
    command = CommandRow(
        id=f"activate:{row.token_hash}",
        case_id=case.case_id,
        kind=CommandKind.ACTIVATE,
        actor="assister",
        reason=OWN_REASONS[CommandKind.ACTIVATE].sentence(),
        data={},
        created_at=now,
    )
    session.add(command)
    return command


def void_activation_links(session: Session, case_id: str, now: datetime) -> None:
    """Voids the activation links of a case that were not used."""
    session.execute(
        update(LinkRow)
        .where(
            col(LinkRow.case_id) == case_id,
            col(LinkRow.purpose) == ACTIVATION,
            col(LinkRow.used_at).is_(None),
            col(LinkRow.voided_at).is_(None),
        )
        .values(voided_at=now)
    )
