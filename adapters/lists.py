"""Reads the federal lists where they are published, as anybody would (B18–B20); it judges nothing and writes nothing.

A list has up to a million rows: a copy of its newest version is kept here, and look-ups are answered from that.
"""

import asyncio
import csv
import io
import json
import os
import re
import sqlite3
import tempfile
import time
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import httpx2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from adapters.http import Refused, Unavailable, call_service, open_stream, read_document, read_pieces
from domain.federal.lists import BETWEEN, COLUMNS, DATE_FORMAT, PublishedList, format_cell
from domain.federal.markets import Market

SERVICE = "lists"
LIST_BYTES = 1024**3
RECORD_BYTES = 64 * 1024
# Less than the ten minutes the listing check's activity has, in which both lists may have to be read.
LIST_SECONDS = 240.0
# At most so many different lines of one key are looked at: a list gone wrong must not fill the memory.
OF_A_KEY = 1000
# How long a copy serves when the publisher gives its lists no ETag.
UNTAGGED_SECONDS = 600.0
NORTH_AMERICA = "1"

Cells = Mapping[str, str]
Result = TypeVar("Result")


@dataclass(frozen=True, repr=False)
class RclEntry:
    """A line of the Registration Completion List; None is a date that is not given."""

    npn: str
    applicable_plan_year: int
    individual_registration_completion_date: date | None
    individual_marketplace_end_date: date | None
    shop_registration_completion_date: date | None
    shop_end_date: date | None
    npn_valid_current_plan_year_only: str
    status: str


def _parse_day(text: object) -> date | None:
    """A date as the lists write it; None where none is given. Raises ValueError for anything else."""
    if text is None or text == "":
        return None
    return datetime.strptime(str(text).strip(), DATE_FORMAT).date()  # noqa: DTZ007 - a calendar day has no time zone


Day = Annotated[date | None, BeforeValidator(_parse_day)]


class TrackerEntry(BaseModel):
    """What the Registration Tracker says of one plan year: when each market was completed."""

    model_config = ConfigDict(frozen=True)

    plan_year: int
    individual_completed_on: Day
    shop_completed_on: Day

    def shows_completed(self, market: Market) -> bool:
        """Whether it shows the market as completed."""
        days = {Market.INDIVIDUAL: self.individual_completed_on, Market.SHOP: self.shop_completed_on}
        return days[market] is not None


class _Tracked(BaseModel):
    npn: str
    rows: list[TrackerEntry] = Field(max_length=1000)


class FederalListReader:
    """The lists under `{url}/registry`; copies are kept in `folder`, or where the system keeps temporary files.

    The first look-up after a publication reads the whole list, which may take minutes: give it time.
    """

    def __init__(self, client: httpx2.AsyncClient, url: str, folder: Path | None = None) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/registry"
        self._rcl = _ListCopy(client, f"{self._url}/rcl.csv", COLUMNS[PublishedList.RCL], _key_rcl_line, folder)
        columns = COLUMNS[PublishedList.FIND_LOCAL_HELP]
        self._help = _ListCopy(client, f"{self._url}/find-local-help.csv", columns, _key_listing, folder)

    async def find_rcl_entry(self, npn: str, plan_year: int) -> RclEntry | None:
        """The line of an NPN and plan year (B19). Two that differ raise Refused("lists_unreadable")."""
        found = await self._rcl.find_lines(f"{plan_year}:{_strip_padding(npn)}")
        if len(found) > 1:
            raise _refuse_list("one NPN and plan year on two different lines")
        return _parse_rcl_entry(found[0]) if found else None

    async def read_tracker(self, npn: str, plan_year: int) -> TrackerEntry | None:
        """What the tracker says of an NPN and plan year (B18)."""
        response = await call_service(
            self._client,
            SERVICE,
            "GET",
            f"{self._url}/tracker/{_strip_padding(npn)}",
            answers={404},
            params={"plan_year": plan_year},
            headers={"Accept": "application/json"},
        )
        if response.status_code == 404:
            return None
        tracked = read_document(response, SERVICE, _Tracked)
        if _strip_padding(tracked.npn) != _strip_padding(npn):
            raise _refuse_list("the tracker speaks of another NPN")
        return next((row for row in tracked.rows if row.plan_year == plan_year), None)

    async def is_in_local_help(self, first_name: str, last_name: str, phone: str, market: Market | None = None) -> bool:
        """Whether a listing has this name and phone number, for this market if one is given (B20): it holds no NPN."""
        listing = {"first_name": format_cell(first_name), "last_name": format_cell(last_name), "phone": phone}
        found = await self._help.find_lines(_key_listing(listing))
        return any(market is None or market in line["markets"].split(BETWEEN) for line in found)

    def delete_copies(self) -> None:
        """Deletes the copies, for tests; a worker keeps them as long as it runs."""
        self._rcl.delete_index()
        self._help.delete_index()


class _ListCopy:
    """One list's newest version, found again by its key; read anew only when its ETag is another."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        url: str,
        columns: tuple[str, ...],
        key: Callable[[Cells], str],
        folder: Path | None,
    ) -> None:
        self._client = client
        self._url = url
        self._columns = columns
        self._key = key
        self._folder = folder
        self._lock = asyncio.Lock()
        # SQLite is spoken to in this thread only, one request after the other, those of a cancelled look-up too.
        self._thread = ThreadPoolExecutor(1, "federal-list")
        self._index: _ListIndex | None = None
        self._tag = ""
        self._read_at = 0.0

    async def find_lines(self, key: str) -> list[Cells]:
        """The lines of a key in the newest version that differ: one person may be listed for several years."""
        async with self._lock:
            index = self._index
            if index is None or self._tag or time.monotonic() - self._read_at > UNTAGGED_SECONDS:
                index = await self._fetch_newest()
            return await self._run_in_thread(lambda: index.find_lines(key))

    def delete_index(self) -> None:
        self._forget_index(self._index)
        self._thread.shutdown(wait=False)

    async def _fetch_newest(self) -> "_ListIndex":
        known = {"If-None-Match": self._tag} if self._index and self._tag else {}
        async with open_stream(
            self._client, SERVICE, self._url, within=LIST_SECONDS, answers={304}, headers=known
        ) as response:
            if response.status_code == 304:
                if self._index is None:
                    raise _refuse_list("unchanged, but never read")
                return self._index
            index = await self._fill_index(response)
            self._forget_index(self._index)
            self._index, self._tag, self._read_at = index, response.headers.get("ETag", ""), time.monotonic()
            return index

    async def _fill_index(self, response: httpx2.Response) -> "_ListIndex":
        index = await self._run_in_thread(lambda: _ListIndex(self._columns, self._key, self._folder))
        try:
            async for records in _split_records(read_pieces(response, SERVICE, LIST_BYTES)):
                await self._run_in_thread(lambda: index.add_records(records))  # noqa: B023 -- it is done before the next ones come
            await self._run_in_thread(index.finish_index)
        except BaseException:
            self._forget_index(index)
            raise
        return index

    def _forget_index(self, index: "_ListIndex | None") -> None:
        if index:
            self._thread.submit(index.close_file)

    async def _run_in_thread(self, what: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, what)
        except (sqlite3.Error, OSError):
            raise Unavailable(f"{SERVICE}_unreachable", "its copy can't be kept") from None


class _ListIndex:
    """The lines of one version by their keys, in a file that ends with it."""

    def __init__(self, columns: tuple[str, ...], key: Callable[[Cells], str], folder: Path | None) -> None:
        self._columns = columns
        self._key = key
        self._headed = False
        self._database = _open_nameless_database(folder)
        self._database.execute("CREATE TABLE line (key TEXT NOT NULL, cells TEXT NOT NULL)")
        self._database.execute("BEGIN")

    def add_records(self, records: bytes) -> None:
        """Takes whole records in, the column names first."""
        try:
            text = records.decode("utf-8" if self._headed else "utf-8-sig")
            lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error):
            raise _refuse_list("not CSV in UTF-8") from None
        if not self._headed:
            if tuple(lines.pop(0)) != self._columns:
                raise _refuse_list("not the columns as published")
            self._headed = True
        if any(len(line) != len(self._columns) for line in lines):
            raise _refuse_list("a line with more or fewer cells than columns")
        keyed = ((self._key(dict(zip(self._columns, line, strict=True))), json.dumps(line)) for line in lines)
        self._database.executemany("INSERT INTO line VALUES (?, ?)", keyed)

    def finish_index(self) -> None:
        """Makes it searchable; nothing is added after that."""
        if not self._headed:
            raise _refuse_list("no columns")
        self._database.execute("CREATE INDEX line_key ON line (key)")
        self._database.execute("COMMIT")

    def find_lines(self, key: str) -> list[Cells]:
        found = self._database.execute("SELECT DISTINCT cells FROM line WHERE key = ? LIMIT ?", (key, OF_A_KEY))
        return [dict(zip(self._columns, json.loads(cells), strict=True)) for (cells,) in found]

    def close_file(self) -> None:
        self._database.close()


def _open_nameless_database(folder: Path | None) -> sqlite3.Connection:
    """A database whose file has no name any more: nothing is left of it, however the process ends."""
    name = ""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".sqlite", "federal-list-", folder)
        os.close(descriptor)
    database = sqlite3.connect(name, isolation_level=None)
    # The file is open by now, and with these no second one is made beside it.
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
        database.execute(f"PRAGMA {pragma}")
    if name:
        Path(name).unlink()
    return database


async def _split_records(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body in blocks that end where a record does: at a line's end outside of quotes."""
    waiting = b""
    async for piece in body:
        waiting += piece
        end = waiting.rfind(b"\n") + 1
        while end and waiting.count(b'"', 0, end) % 2:
            end = waiting.rfind(b"\n", 0, end - 1) + 1
        if end:
            yield waiting[:end]
            waiting = waiting[end:]
        if len(waiting) > RECORD_BYTES:
            raise _refuse_list("a line that doesn't end")
    if waiting:
        raise _refuse_list("cut short")


def _key_rcl_line(cells: Cells) -> str:
    return f"{cells['applicable_plan_year'].strip()}:{_strip_padding(cells['npn'])}"


def _key_listing(cells: Cells) -> str:
    name = unicodedata.normalize("NFC", f"{cells['first_name']} {cells['last_name']}")
    digits = re.sub(r"\D", "", cells["phone"])
    number = digits.removeprefix(NORTH_AMERICA) if len(digits) == 11 else digits
    return f"{' '.join(name.casefold().split())}\n{number}"


def _parse_rcl_entry(cells: Cells) -> RclEntry:
    return RclEntry(
        npn=_strip_padding(cells["npn"]),
        applicable_plan_year=int(cells["applicable_plan_year"]),
        individual_registration_completion_date=_parse_date(cells["individual_registration_completion_date"]),
        individual_marketplace_end_date=_parse_date(cells["individual_marketplace_end_date"]),
        shop_registration_completion_date=_parse_date(cells["shop_registration_completion_date"]),
        shop_end_date=_parse_date(cells["shop_end_date"]),
        npn_valid_current_plan_year_only=cells["npn_valid_current_plan_year_only"].strip(),
        status=cells["status"].strip(),
    )


def _parse_date(text: str) -> date | None:
    try:
        return _parse_day(text.strip())
    except ValueError:
        raise _refuse_list("a date that is none") from None


def _strip_padding(npn: str) -> str:
    """An NPN without the zeros some lists pad it with."""
    return npn.strip().lstrip("0")


def _refuse_list(detail: str) -> Refused:
    return Refused(f"{SERVICE}_unreadable", detail)
