"""The federal lists as readers see them: the publication that is current, page by page (B18–B20); nothing is written.

Of a key the newest line counts, up to the publication that is read; a line without cells takes the key out.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import one_or_none
from db.engine import Database
from db.tables import PublicationRow, PublishedRow
from domain.federal.lists import PublishedList, make_npn_key
from domain.federal.policies import FEDERAL_POLICIES

READ_AT_ONCE = 2000  # lines at a time

Cells = list[str]


class Superseded(Exception):
    """The publication asked for is no longer kept whole: two newer ones are current, or it never was."""


@dataclass(frozen=True)
class Edition:
    """The publication that is current: its number, 0 before the first one, and since when."""

    number: int = 0
    published_at: datetime | None = None


@dataclass(frozen=True)
class ListPage:
    """Some lines of a list in the order of their keys, and the key after which it goes on; None at the end."""

    lines: list[Cells]
    after: str | None


def find_current(session: Session) -> Edition:
    """The publication that readers see."""
    newest = one_or_none(session, newest_first().where(col(PublicationRow.published_at).is_not(None)))
    return Edition(newest.number, newest.published_at) if newest else Edition()


async def stream_list(
    database: Database, name: PublishedList, number: int, plan_year: int | None = None
) -> AsyncIterator[list[Cells]]:
    """The lines of a list as a publication has them, in the order of their keys, a page at a time.

    Nothing is held between two pages, neither lines nor a connection: a slow reader costs nothing. What a
    publication replaces stays readable until the next one but one; then this raises `Superseded`.
    """
    after: str | None = "" if plan_year is None else f"{plan_year:04d}:"  # with which every key begins
    while after is not None:
        page = await database.read(read_page, name, number, after, plan_year)
        after = page.after
        if page.lines:
            yield page.lines


def read_page(session: Session, name: PublishedList, number: int, after: str, plan_year: int | None = None) -> ListPage:
    """The next lines after a key. Raises `Superseded`."""
    query = _lines_of(name, number).where(col(PublishedRow.key) > after).limit(READ_AT_ONCE)
    if plan_year is not None:
        query = query.where(col(PublishedRow.key) < f"{plan_year + 1:04d}:")
    found = session.execute(query).all()
    # Asked after the lines were read: a publication that became current meanwhile may have had some of them deleted.
    if find_current(session).number - number not in (0, 1):
        raise Superseded
    page = {key: cells for key, cells in found}  # noqa: C416 -- of a key the newest line, which comes last
    onward = None
    # The last key may have newer lines on the next page; no key has a whole page of them.
    if len(found) == READ_AT_ONCE:
        page.popitem()
        onward = next(reversed(page))
    texts = [text for text in page.values() if text is not None]
    return ListPage(json.loads(f"[{','.join(texts)}]"), onward)


def find_tracked(session: Session, npn: str, plan_year: int | None = None) -> tuple[Edition, list[Cells]]:
    """What the tracker says of an NPN, a line for each plan year; none for an NPN it doesn't know."""
    return _find_lines(session, PublishedList.TRACKER, npn, FEDERAL_POLICIES if plan_year is None else (plan_year,))


def find_registered(session: Session, npn: str) -> tuple[Edition, list[Cells]]:
    """What the RCL says of an NPN, a line for each plan year; none for an NPN that isn't on it (B19)."""
    return _find_lines(session, PublishedList.RCL, npn, FEDERAL_POLICIES)


def _find_lines(session: Session, name: PublishedList, npn: str, years: Iterable[int]) -> tuple[Edition, list[Cells]]:
    keys = col(PublishedRow.key).in_([make_npn_key(year, npn) for year in years])
    edition = find_current(session)
    found = session.execute(_lines_of(name, edition.number).where(keys))
    newest = {key: cells for key, cells in found}  # noqa: C416 -- as above
    return edition, [json.loads(text) for text in newest.values() if text is not None]


def newest_first() -> Any:
    """The query of the newest publication, staged or published."""
    return select(PublicationRow).order_by(col(PublicationRow.number).desc()).limit(1)


def _lines_of(name: PublishedList, number: int) -> Any:
    """Keys and cells, as JSON text: to parse a page at once is quicker than line by line. Newer lines of a key last."""
    return (
        select(col(PublishedRow.key), cast(col(PublishedRow.cells), Text))
        .where(col(PublishedRow.list_name) == name.value, col(PublishedRow.publication) <= number)
        .order_by(col(PublishedRow.key), col(PublishedRow.publication))
    )
