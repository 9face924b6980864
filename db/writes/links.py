"""E-mailed links, kept by their hash: of single use, to activate an account (A28)."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.tables import CommandRow, LinkRow
from db.writes.facts import lock_case, record_audit
from domain.shared.cases.commands import OWN_REASONS, CommandKind
from domain.shared.ids import hash_token

ACTIVATION = "activation"


def keep_link(
    session: Session, token: str, case_id: str, purpose: str, letter: str, now: datetime, expires_at: datetime
) -> bool:
    """Keeps a letter's new link by its hash; an activation link voids those of the letters before it.

    A letter that is tried again carries another link, since nobody knows the secret of the one before; as that one may
    have arrived, it lives on until one of them is used. False where the letter's links were used or voided meanwhile.
    """
    lock_case(session, case_id)
    of_letter = select(LinkRow).where(col(LinkRow.case_id) == case_id, col(LinkRow.letter) == letter)
    before = list_rows(session, of_letter.where(col(LinkRow.purpose) == purpose))
    if any(row.used_at or row.voided_at for row in before):
        return False
    if purpose == ACTIVATION and not before:
        void_activation_links(session, case_id, now)
    for row in before:
        row.expires_at = expires_at
        session.add(row)
    link = LinkRow(
        token_hash=hash_token(token),
        case_id=case_id,
        purpose=purpose,
        letter=letter,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(link)
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
    _use_up_letter(session, row, now)
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


def _use_up_letter(session: Session, used: LinkRow, now: datetime) -> None:
    """A letter that was sent twice has two links, and is of single use all the same."""
    if used.letter is not None:
        others = update(LinkRow).where(col(LinkRow.case_id) == used.case_id, col(LinkRow.letter) == used.letter)
        session.execute(others.where(col(LinkRow.used_at).is_(None)).values(used_at=now))


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
