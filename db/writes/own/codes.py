"""One-time codes: asked for by a browser, made where their letters are sent, tried, and used up (D1, D6).

A code counts in the browser that asked for it and nowhere else: what other browsers ask for the same address voids
nothing, and their wrong tries don't count here. Their number does, since letters fill somebody's mailbox; it keeps
nobody out who has confirmed the address in their browser of late.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from sqlmodel import col, delete, func, select

from db.case_state import list_rows, one_or_none
from db.own_tables import CodeRow
from db.reads.own_pages import find_account_email
from domain.shared.codes import (
    ASKED_WITHIN,
    LIFE,
    MOST_AN_ADDRESS,
    MOST_ASKED,
    CodeAnswer,
    CodePurpose,
    hash_code,
    judge_code,
    make_code,
)
from domain.shared.ids import hash_token

Outcome = TypeVar("Outcome")
KEPT_FOR = timedelta(days=1)
# A letter that can't be sent is tried again this soon, until its code would have expired.
AGAIN_AFTER = timedelta(seconds=5)
# How many letters are sent at once.
PAGE = 20


@dataclass(frozen=True)
class AskedCode:
    """A code that a browser asked for: the address, or the user ID where it was asked for by one.

    Whoever typed that need not know the address. ``is_another``: one before it was asked for and not used.
    """

    address: str
    is_another: bool


@dataclass(frozen=True)
class CodeTried:
    """What became of a code that was typed in, and whose address it confirms; ``email`` is empty unless it is right."""

    answer: CodeAnswer
    email: str = ""


@dataclass(frozen=True, repr=False)
class CodeLetter:
    """A letter to be sent with a code that was just made: ``attempt`` makes its Message-ID unlike the one before."""

    code_id: str
    email: str
    language: str
    code: str
    attempt: str
    purpose: str = CodePurpose.SIGN_IN


def ask_code_by_user_id(
    session: Session, browser: str, user_id: str, language: str, purpose: CodePurpose, most: int, now: datetime
) -> bool:
    """Asks for a code to the address of the account of a user ID (B3); False as in `ask_code`.

    Nothing tells whether there is such an account, nor where its letters go: without one there is a row all the same,
    whose letter is never sent, and whose codes are all wrong.
    """
    email = find_account_email(session, user_id)
    row = _ask(session, browser, email or user_id, language, purpose, most, now)
    if row is None:
        return False
    row.user_id = user_id
    if email is None:
        row.next_attempt_at = None
    return True


def ask_code(
    session: Session, browser: str, email: str, language: str, purpose: CodePurpose, most: int, now: datetime
) -> bool:
    """Asks for a code to be sent; ``browser`` is the secret of its cookie, ``most`` how many are sent an hour in all.

    False where this browser has asked for this address too often, or everybody together has: for this address, unless
    this browser has confirmed it the day before, or at all. The codes it asked for
    before, for the same purpose, don't count any more.
    """
    return _ask(session, browser, email, language, purpose, most, now) is not None


def _ask(
    session: Session, browser: str, email: str, language: str, purpose: CodePurpose, most: int, now: datetime
) -> CodeRow | None:
    # Written another way an address would be counted anew; no server we know of tells capitals apart.
    email = email.lower()
    hashed, recent = hash_token(browser), col(CodeRow.asked_at) > now - ASKED_WITHIN
    own = (col(CodeRow.browser_hash) == hashed, col(CodeRow.email) == email)
    if _count(session, recent, *own) >= MOST_ASKED or _count(session, recent) >= most:
        return None
    of_address = _count(session, recent, col(CodeRow.email) == email)
    if of_address >= MOST_AN_ADDRESS and not _count(session, *own, col(CodeRow.used_at).is_not(None)):
        return None
    row = CodeRow(
        id=secrets.token_hex(16),
        browser_hash=hashed,
        email=email,
        purpose=purpose,
        language=language,
        asked_at=now,
        next_attempt_at=now,
    )
    session.add(row)
    return row


def find_asked_code(session: Session, browser: str, purpose: CodePurpose, now: datetime) -> AskedCode | None:
    """The newest code that this browser asked for; None where it asked for none of late."""
    of_late = _select_asked(browser, purpose).where(col(CodeRow.asked_at) > now - ASKED_WITHIN)
    row, *before = list_rows(session, of_late.limit(2)) or [None]
    if row is None:
        return None
    return AskedCode(row.user_id or row.email, any(one.email == row.email and one.used_at is None for one in before))


def try_code(session: Session, key: bytes, browser: str, purpose: CodePurpose, typed: str, now: datetime) -> CodeTried:
    """Tries a code against the newest one this browser asked for; the right one is used up."""
    row = _find_newest(session, browser, purpose, lock=True)
    if row is None:
        return CodeTried(CodeAnswer.NOT_ASKED)
    answer = judge_code(
        row.code_hash,
        hash_code(key, row.id, typed),
        tries=row.tries,
        used=row.used_at is not None,
        expires_at=row.expires_at or row.asked_at + LIFE,
        now=now,
    )
    if answer in (CodeAnswer.RIGHT, CodeAnswer.WRONG):
        row.tries += 1
    if answer is CodeAnswer.RIGHT:
        row.used_at = now
    session.add(row)
    return CodeTried(answer, row.email if answer is CodeAnswer.RIGHT else "")


def use_code(
    session: Session,
    key: bytes,
    browser: str,
    purpose: CodePurpose,
    typed: str,
    now: datetime,
    use: Callable[[Session, str], Outcome],
) -> tuple[CodeTried, Outcome | None]:
    """Tries a code, and does what the right one is for: ``use`` is given the confirmed address.

    Both are one transaction: where what follows fails, the code isn't used up. What came of it; None of another code.
    """
    tried = try_code(session, key, browser, purpose, typed, now)
    return tried, use(session, tried.email) if tried.answer is CodeAnswer.RIGHT else None


def list_unsent_codes(session: Session, now: datetime) -> list[str]:
    """The codes whose letters are due, those asked for first first."""
    due = select(col(CodeRow.id)).where(col(CodeRow.next_attempt_at) <= now)
    return list_rows(session, due.order_by(col(CodeRow.next_attempt_at)).limit(PAGE))


def make_code_letters(session: Session, key: bytes, ids: Collection[str], now: datetime) -> list[CodeLetter]:
    """Makes a code for each of these and keeps its hash; the code itself is in the letter and nowhere else.

    One whose letter was tried before gets a new code, since nobody knows the old one any more. What was asked for too
    long ago, or has been sent meanwhile, is left out.
    """
    due = select(CodeRow).where(col(CodeRow.id).in_(ids), col(CodeRow.next_attempt_at).is_not(None))
    found = list_rows(session, due.order_by(col(CodeRow.asked_at)).with_for_update())
    return [made for row in found if (made := _make_letter(session, key, row, now))]


def _make_letter(session: Session, key: bytes, row: CodeRow, now: datetime) -> CodeLetter | None:
    session.add(row)
    if now >= row.asked_at + LIFE:
        row.next_attempt_at = None
        return None
    code = make_code()
    row.code_hash, row.expires_at, row.tries = hash_code(key, row.id, code), now + LIFE, 0
    row.next_attempt_at = now + AGAIN_AFTER
    return CodeLetter(row.id, row.email, row.language, code, secrets.token_hex(8), row.purpose)


def finish_code_letters(session: Session, ids: Collection[str]) -> None:
    """Notes that these letters were sent, or are never going to be."""
    for row in list_rows(session, select(CodeRow).where(col(CodeRow.id).in_(ids))):
        row.next_attempt_at = None
        session.add(row)


def purge_codes(session: Session, now: datetime) -> None:
    """Deletes what was asked for the day before, and with it the address."""
    session.execute(delete(CodeRow).where(col(CodeRow.asked_at) < now - KEPT_FOR))


def _count(session: Session, *which: object) -> int:
    query = select(func.count()).select_from(CodeRow).where(*which)  # type: ignore[arg-type]
    return int(one_or_none(session, query) or 0)


def _select_asked(browser: str, purpose: CodePurpose) -> Any:
    """The codes that a browser asked for, the newest first."""
    query = select(CodeRow).where(col(CodeRow.browser_hash) == hash_token(browser), col(CodeRow.purpose) == purpose)
    return query.order_by(col(CodeRow.asked_at).desc())


def _find_newest(session: Session, browser: str, purpose: CodePurpose, *, lock: bool = False) -> CodeRow | None:
    query = _select_asked(browser, purpose).limit(1)
    found: CodeRow | None = one_or_none(session, query.with_for_update() if lock else query)
    return found
