"""Moments that all cases of a year share, spread: thousands of workflows that wake at once wait for each other."""

from datetime import datetime, timedelta
from hashlib import sha256

MOST = timedelta(minutes=30)
_PARTS = 2**32


def spread_moment(at: datetime, case_id: str, most: timedelta = MOST) -> datetime:
    """The moment at which a case does what is due at this one: never before it, less than ``most`` after it.

    The same for a case however often it is asked, since it follows from its id: a hash, so that ids that resemble each
    other don't stay together.
    """
    part = int.from_bytes(sha256(case_id.encode()).digest()[:4])
    return at + most * part / _PARTS
