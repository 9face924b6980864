"""The chain of daily digests over the audit: how a day's digest is made, and whether exported days are as digested.

A day's digest is the SHA-256, in hexadecimal digits, of the digest of the day before, a line with the day and a line
for each of its rows, in the order of their ids: so whoever alters, removes or adds a row changes every digest after it.
The first day follows on an empty text.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class AuditDay:
    """A digested day: its number in the chain, the id of its last row, how many rows it has, and the digests."""

    number: int
    day: date
    last_id: int
    rows: int
    previous: str
    digest: str

    def to_json(self) -> dict[str, Any]:
        """The day as it is exported, before its rows."""
        return {
            "number": self.number,
            "day": self.day.isoformat(),
            "last_id": self.last_id,
            "rows": self.rows,
            "previous": self.previous,
            "digest": self.digest,
        }


@dataclass
class ChainCheck:
    """What looking at the chain comes to, day by day: those as digested, the newest of them, and the first fault.

    ``wanted`` is a digest noted elsewhere, which has to be in the chain: whoever may change the database may make a
    whole chain anew, but not what others have noted of it.
    """

    wanted: str | None = None
    days: int = 0
    rows: int = 0
    last: AuditDay | None = None
    fault: str | None = None

    @property
    def digest(self) -> str | None:
        """The newest digest."""
        return self.last.digest if self.last else None

    def add_day(self, kept: AuditDay, fault: str | None) -> bool:
        """Takes the next day in, with what is wrong with it; whether one may go on."""
        if fault is not None:
            self.fault = fault
            return False
        self.days, self.rows, self.last = self.days + 1, self.rows + kept.rows, kept
        if kept.digest == self.wanted:
            self.wanted = None
        return True

    def end(self, newest: int) -> "ChainCheck":
        """No day follows; ``newest`` is the number of the newest digest there is."""
        if self.fault is None and newest > (self.last.number if self.last else 0):
            self.fault = f"The digest of day {self.days + 1} of the chain was removed."
        elif self.fault is None and self.wanted is not None:
            self.fault = "The digest that was noted is not in the chain: digests were removed, or made anew."
        return self


def write_line(document: Row) -> str:
    """A document as the one line it is digested and exported as."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_day(previous: str, day: date, rows: Iterable[Row]) -> tuple[str, int]:
    """The digest of a day's rows after the digest of the day before, and how many rows there were."""
    digest, count = sha256(f"{previous}\n{day.isoformat()}\n".encode()), 0
    for row in rows:
        digest.update(f"{write_line(row)}\n".encode())
        count += 1
    return digest.hexdigest(), count


def find_day_fault(kept: AuditDay, previous: AuditDay | None, rows: Iterable[Row]) -> str | None:
    """What is wrong with a day, as a sentence: it doesn't follow on the day before, or its rows aren't as digested."""
    follows_on = previous.digest if previous else ""
    if kept.previous != follows_on or kept.number != (previous.number + 1 if previous else 1):
        return f"The digest of {kept.day} does not follow on the day before: a day was removed, added or altered."
    digest, count = digest_day(follows_on, kept.day, rows)
    if count != kept.rows:
        return f"{kept.day} has {count} rows in the audit and had {kept.rows} when it was digested."
    if digest != kept.digest:
        return f"The rows of {kept.day} are not as they were when it was digested: at least one was altered."
    return None


def check_export(lines: Iterable[str], wanted: str | None = None) -> ChainCheck:
    """Whether every day of an export, a line for it and a line for each of its rows, is as digested.

    Raises ValueError for what is no export.
    """
    check, newest = ChainCheck(wanted), 0
    for kept, rows in _read_days(lines):
        newest = kept.number
        if not check.add_day(kept, find_day_fault(kept, check.last, rows)):
            break
    return check.end(newest)


def _read_days(lines: Iterable[str]) -> Iterator[tuple[AuditDay, list[Row]]]:
    kept: AuditDay | None = None
    rows: list[Row] = []
    for line in lines:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise ValueError("no object")
        if "digest" not in document:
            rows.append(document)
            continue
        if kept is not None:
            yield kept, rows
        kept, rows = _read_day(document), []
    if kept is None:
        raise ValueError("no day")
    yield kept, rows


def _read_day(document: Row) -> AuditDay:
    try:
        return AuditDay(
            int(document["number"]),
            date.fromisoformat(document["day"]),
            int(document["last_id"]),
            int(document["rows"]),
            str(document["previous"]),
            str(document["digest"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no day") from error
