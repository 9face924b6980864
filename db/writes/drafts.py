"""Forms being filled in: their answers, for two hours after the last one, by the hash of a secret.

The secret is a cookie's, or made of a key of ours and of the case whose owner fills the form in; it is never stored.
"""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlmodel import col, delete, func, select

from db.case_state import one_or_none
from db.tables import DraftRow
from domain.shared.ids import hash_token

LIFE = timedelta(hours=2)
# What says that a draft was sent; what is left of it beside that is for its confirmation to be opened again.
SENT = "sent"

Answers = dict[str, str]


def begin_draft(session: Session, answers: Mapping[str, str], now: datetime, replaced: str | None = None) -> str:
    """Keeps the first answers, and answers the secret by which they are found again.

    ``replaced`` is the secret of the draft that is begun anew, which is deleted.
    """
    if replaced is not None:
        session.execute(delete(DraftRow).where(col(DraftRow.token_hash) == hash_token(replaced)))
    token = secrets.token_urlsafe(32)
    session.add(DraftRow(token_hash=hash_token(token), answers=dict(answers), created_at=now, expires_at=now + LIFE))
    return token


def find_draft(session: Session, token: str, now: datetime) -> Answers | None:
    """The answers so far; None where the secret is unknown or the draft has expired."""
    row = session.get(DraftRow, hash_token(token))
    return dict(row.answers) if row and now < row.expires_at else None


def save_draft(session: Session, token: str, answers: Mapping[str, str], now: datetime) -> bool:
    """Lays answers over those so far and begins the two hours anew; False where there is no such draft to go on."""
    row = _lock_draft(session, token)
    if row is None or now >= row.expires_at or SENT in row.answers:
        return False
    row.answers, row.expires_at = {**row.answers, **answers}, now + LIFE
    session.add(row)
    return True


def keep_draft(session: Session, token: str, answers: Mapping[str, str], now: datetime) -> None:
    """Keeps answers under a secret that is known already, in place of what was kept there."""
    row = _lock_draft(session, token) or DraftRow(
        token_hash=hash_token(token), answers={}, created_at=now, expires_at=now
    )
    row.answers, row.expires_at = dict(answers), now + LIFE
    session.add(row)


def drop_draft(session: Session, token: str) -> None:
    """Deletes what is kept under a secret, if anything is."""
    session.execute(delete(DraftRow).where(col(DraftRow.token_hash) == hash_token(token)))


def close_draft(session: Session, token: str, left: Collection[str], now: datetime) -> None:
    """Deletes the answers, but for those ``left``, which its confirmation shows."""
    row = _lock_draft(session, token)
    if row is None:
        return
    kept = {name: text for name, text in row.answers.items() if name in left}
    row.answers, row.expires_at = {**kept, SENT: "yes"}, now + LIFE
    session.add(row)


def purge_drafts(session: Session, now: datetime) -> int:
    """Deletes what has expired; how many there were."""
    expired = col(DraftRow.expires_at) <= now
    found = one_or_none(session, select(func.count()).select_from(DraftRow).where(expired))
    session.execute(delete(DraftRow).where(expired))
    return int(found or 0)


def _lock_draft(session: Session, token: str) -> DraftRow | None:
    query = select(DraftRow).where(col(DraftRow.token_hash) == hash_token(token)).with_for_update()
    found: DraftRow | None = one_or_none(session, query)
    return found
