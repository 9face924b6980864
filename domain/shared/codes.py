"""One-time codes: six digits by e-mail, by which somebody shows that they read an address's mail (D1, D6)."""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

DIGITS = 6
LIFE = timedelta(minutes=10)
TRIES = 5
# How often one browser may have a code sent to one address, and in what time.
MOST_ASKED, ASKED_WITHIN = 5, timedelta(hours=1)
# How many one address is sent by all browsers together: without a cookie every question comes from another browser.
MOST_AN_ADDRESS = 20

_SEPARATORS = re.compile(r"[\s-]+")


class CodePurpose(StrEnum):
    """What a code is asked for; one that was sent for one purpose is worth nothing for another."""

    SIGN_IN = "sign_in"
    CHANGE_ADDRESS = "change_address"
    PROVE_NPN = "prove_npn"
    CORRECT_ADDRESS = "correct_address"


class CodeAnswer(StrEnum):
    """What became of a code that was typed in."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    SPENT = "spent"
    NOT_ASKED = "not_asked"


def make_code() -> str:
    """A new code: six digits, of which the first ones may be zeros."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def read_code(text: str) -> str:
    """A code as it was typed in, without the spaces and hyphens that people put between its digits."""
    return _SEPARATORS.sub("", text)


def hash_code(key: bytes, code_id: str, code: str) -> str:
    """What is kept of a code. It is keyed, since whoever reads a plain hash could try all million codes."""
    return hmac.new(key, f"code:{code_id}:{code}".encode(), sha256).hexdigest()


def judge_code(
    hashed: str | None, typed: str, *, tries: int, used: bool, expires_at: datetime | None, now: datetime
) -> CodeAnswer:
    """Whether a code is the one whose hash is kept; ``hashed`` and ``typed`` are hashes, None before one was made.

    ``tries`` are those before this one. The hashes are compared in constant time.
    """
    if used or tries >= TRIES:
        return CodeAnswer.SPENT
    if expires_at is not None and now >= expires_at:
        return CodeAnswer.EXPIRED
    is_right = hashed is not None and hmac.compare_digest(hashed, typed)
    return CodeAnswer.RIGHT if is_right else CodeAnswer.WRONG
