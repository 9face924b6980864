"""Pages by keys: where the next and the previous page begin, as a short text for an address; no personal data.

By hand, since sqlakeyset pages one ordered select, and some lists here merge several index scans
(db/reads/pending.py); its markers also spell values with their types into the address.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from domain.shared.documents.faults import Fault, Invalid

Row = TypeVar("Row")
Key = TypeVar("Key")
Cursor = str
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST = 400  # letters of a cursor, with a value in it
_PLACE = 24  # bytes of a time and a case


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in their order, and the cursors to hand over as ``after`` for the pages around them."""

    rows: list[Row] = field(default_factory=list)
    next: Cursor | None = None
    previous: Cursor | None = None


@dataclass(frozen=True)
class Keys(Generic[Key]):
    """How the keys of one list are spelled in a cursor."""

    spelled: Callable[[Key], bytes]
    read: Callable[[bytes], Key]

    def cursor(self, key: Key, *, back: bool) -> Cursor:
        """The page after this key, or the one before it."""
        return urlsafe_b64encode((b"<" if back else b">") + self.spelled(key)).rstrip(b"=").decode()

    def position(self, cursor: Cursor | None, name: str) -> tuple[Key | None, bool]:
        """The key a cursor stands at, and whether it looks back. Raises `Invalid` for text that is no cursor."""
        if cursor is None:
            return None, False
        try:
            text = cursor.encode("ascii")
            if len(text) > LONGEST:
                raise ValueError("no cursor of ours")
            whole = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
            key, back = self.read(whole[1:]), whole[:1] == b"<"
            if self.cursor(key, back=back) != cursor:
                raise ValueError("no cursor of ours")
            return key, back
        except (ValueError, OverflowError, struct.error, Error):
            raise Invalid([Fault(name, "invalid")]) from None


def _spelled_place(key: tuple[datetime, str]) -> bytes:
    return struct.pack(">q16s", (key[0] - EPOCH) // MICROSECOND, UUID(key[1]).bytes)


def _read_place(text: bytes) -> tuple[datetime, str]:
    microseconds, case_id = struct.unpack(">q16s", text)
    return EPOCH + microseconds * MICROSECOND, str(UUID(bytes=case_id))


def _spelled_valued_place(key: tuple[str, datetime, str]) -> bytes:
    return _spelled_place(key[1:]) + key[0].encode()


def _read_valued_place(text: bytes) -> tuple[str, datetime, str]:
    return text[_PLACE:].decode(), *_read_place(text[:_PLACE])


def _read_case(text: bytes) -> str:
    return str(UUID(bytes=text))


def _read_number(text: bytes) -> int:
    (number,) = struct.unpack(">q", text)
    return int(number)


PLACES = Keys(_spelled_place, _read_place)  # a time and a case
VALUED_PLACES = Keys(_spelled_valued_place, _read_valued_place)  # a value of a column, a time and a case
CASES = Keys[str](lambda case_id: UUID(case_id).bytes, _read_case)
NUMBERS = Keys[int](lambda number: struct.pack(">q", number), _read_number)


def page_of(
    keys: Keys[Key],
    key_of: Callable[[Row], Key],
    fetch: Callable[[Key | None, bool, int], Sequence[Row]],
    after: Cursor | None,
    limit: int,
) -> Page[Row]:
    """One page of a list. ``fetch`` answers so many rows after a key, or looking back before it, the nearest first.

    Where a cursor leads to no row any more, or back to the beginning, the first page is answered. Raises `Invalid`.
    """
    key, back = keys.position(after, "after")
    found = list(fetch(key, back, limit + 1))
    more, found = len(found) > limit, found[:limit]
    if key is not None and (not found or (back and not more)):
        return page_of(keys, key_of, fetch, None, limit)
    if back:
        found.reverse()
    return Page(
        found,
        next=keys.cursor(key_of(found[-1]), back=False) if found and (more or back) else None,
        previous=keys.cursor(key_of(found[0]), back=True) if key is not None else None,
    )
