"""The federal lists in the database: staged page by page, made current at once, read while they change (B18–B20).

Every line belongs to a publication by its number. Of a key the newest line counts, up to the publication that is
current; a line without cells takes the key out. A publication that is being staged is seen by nobody.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Text, bindparam, cast, delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import federal_policy_of, one_or_none, registration_of, rows
from db.engine import Database
from db.tables import Case, FactRow, PublicationRow, PublishedRow
from db.writes.facts import again_when_overtaken
from domain.federal.lists import Attempt, PublishedList, npn_key, rows_of
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.facts import Fact, FactKind
from domain.shared.programs import FEDERAL_PROGRAM

STAGED = 100  # changed registrations in one transaction
READ = 2000  # lines at a time
TIDIED = 2000

Place = tuple[str, str]  # list and key
Cells = list[str]


class Superseded(Exception):
    """Neither the current publication nor the one before was asked for: what it said can't be told (any more)."""


@dataclass(frozen=True)
class Edition:
    """The publication that is current: its number, 0 before the first one, and since when."""

    number: int = 0
    published_at: datetime | None = None


@dataclass(frozen=True)
class _Line:
    """What stands at a place, or is to stand there, and whose it is; None is a line taken out."""

    owner: str
    cells: Cells | None
    firm: bool = True


class Publications:
    """Writes and reads of the published lists. Every write is one transaction and may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # publishing

    @again_when_overtaken
    async def open(self, day: date, now: datetime, *, forced: bool = False) -> int:
        """The number of the publication to stage: one that was left unfinished, or the next.

        0 when the day has its publication already, unless ``forced``.
        """
        async with self._database.open_writer() as session:
            newest = await session.run_sync(one_or_none, _newest_first().with_for_update())
            if newest is not None and newest.published_at is None:
                return int(newest.number)
            if newest is not None and newest.business_day == day and not forced:
                return 0
            number = int(newest.number) + 1 if newest else 1
            session.add(PublicationRow(number=number, business_day=day, opened_at=now))
            return number

    @again_when_overtaken
    async def stage(self, number: int) -> tuple[int, bool]:
        """Stages one page of what changed; answers how many lines changed by it, and whether there may be more.

        A publication that is current already takes no more: what changed since waits for the next one.
        """
        async with self._database.open_writer() as session:
            publication = await session.get(PublicationRow, number, with_for_update=True)
            if publication is None or publication.published_at is not None:
                return 0, False
            changed = await session.execute(
                select(col(Case.assister_id), col(Case.plan_year)).where(col(Case.unpublished).is_(True)).limit(STAGED)
            )
            people = [(assister_id, plan_year) for assister_id, plan_year in changed]
            if not people:
                return 0, False
            cases = await session.run_sync(_cases_of, set(people))
            lines = await session.run_sync(
                _changed_lines, await session.run_sync(_wanted, cases), {_owner(case) for case in cases}
            )
            await session.run_sync(_put, number, lines)
            await session.run_sync(_mark_staged, cases)
            return len(lines), len(people) == STAGED

    async def make_current(self, number: int, now: datetime) -> int:
        """Makes a staged publication the current one, all of it at once; answers how many lines it has."""
        async with self._database.open_writer() as session:
            publication = await session.get_one(PublicationRow, number, with_for_update=True)
            if publication.published_at is None:
                publication.published_at = now
                session.add(publication)
            lines = select(func.count()).select_from(PublishedRow).where(col(PublishedRow.publication) == number)
            return int((await session.execute(lines)).scalar_one())

    async def tidy(self) -> tuple[int, bool]:
        """Deletes one page of the lines that only readers of the publication before the last needed.

        Answers how many they were, and whether there may be more. A line that takes a key out goes after what it
        took out.
        """
        async with self._database.open_writer() as session:
            unneeded = col(PublishedRow.replaced_by) < (await session.run_sync(_current)).number
            deleted = 0
            for which in (col(PublishedRow.cells).is_not(None), col(PublishedRow.cells).is_(None)):
                if deleted < TIDIED:
                    deleted += await session.run_sync(_delete_some, unneeded & which, TIDIED - deleted)
            return deleted, deleted == TIDIED

    # reading

    async def current(self) -> Edition:
        """The publication that readers see."""
        async with self._database.open_reader() as session:
            return await session.run_sync(_current)

    async def rows(self, name: PublishedList, number: int, plan_year: int | None = None) -> AsyncIterator[list[Cells]]:
        """The lines of a list as a publication has them, in the order of their keys, a page at a time.

        Nothing is held between two pages, neither lines nor a connection: a slow reader costs nothing. What a
        publication replaces stays readable until the next one but one; then this raises `Superseded`.
        """
        query, after, more = _lines_of(name, number).limit(READ), "", True
        if plan_year is not None:  # with which every key begins
            query, after = query.where(col(PublishedRow.key) < f"{plan_year + 1:04d}:"), f"{plan_year:04d}:"
        while more:
            async with self._database.open_reader() as session:
                found = (await session.execute(query.where(col(PublishedRow.key) > after))).all()
                newest = await session.run_sync(_current)
            if newest.number - number not in (0, 1):
                raise Superseded
            page = {key: cells for key, cells in found}  # noqa: C416 -- of a key the newest line, which comes last
            more = len(found) == READ
            if more:  # the last key may have newer lines on the next page; no key has a whole page of them
                page.popitem()
                after = next(reversed(page))
            if texts := [text for text in page.values() if text is not None]:
                yield json.loads(f"[{','.join(texts)}]")

    async def tracker(self, npn: str, plan_year: int | None = None) -> tuple[Edition, list[Cells]]:
        """What the tracker says of an NPN, a line for each plan year; none for an NPN it doesn't know."""
        years = FEDERAL_POLICIES if plan_year is None else (plan_year,)
        keys = col(PublishedRow.key).in_([npn_key(year, npn) for year in years])
        async with self._database.open_reader() as session:
            edition = await session.run_sync(_current)
            found = await session.execute(_lines_of(PublishedList.TRACKER, edition.number).where(keys))
            newest = {key: cells for key, cells in found}  # noqa: C416 -- as above
        return edition, [json.loads(text) for text in newest.values() if text is not None]


# what is staged


def _owner(case: Case) -> str:
    return f"{case.assister_id}:{case.plan_year}"


def _cases_of(session: Session, people: Collection[tuple[str, int]]) -> list[Case]:
    """Every attempt of these people in these plan years, locked in the order of their ids."""
    query = select(Case).where(
        col(Case.program) == FEDERAL_PROGRAM,
        col(Case.assister_id).in_({assister_id for assister_id, _ in people}),
        col(Case.plan_year).in_({plan_year for _, plan_year in people}),
    )
    found = rows(session, query.order_by(col(Case.case_id)).with_for_update())
    return [case for case in found if (case.assister_id, case.plan_year) in people]


def _wanted(session: Session, cases: Iterable[Case]) -> dict[Place, _Line]:
    """What the lists are to say of these people."""
    facts = _facts_of_all(session, [case.case_id for case in cases])
    wanted: dict[Place, _Line] = {}
    for owner, theirs in groupby(sorted(cases, key=lambda case: (_owner(case), case.attempt)), key=_owner):
        mine = list(theirs)
        attempts = [
            Attempt(
                registration_of(case, facts.get(case.case_id, ())),
                case.request,
                federal_policy_of(case).windows.closes_on,
            )
            for case in mine
        ]
        for row in rows_of(mine[0].assister_id, mine[0].plan_year, attempts):
            place = (row.list.value, row.key)
            if row.firm or place not in wanted:
                wanted[place] = _Line(owner, list(row.cells), row.firm)
    return wanted


def _facts_of_all(session: Session, case_ids: Collection[str]) -> dict[str, list[Fact]]:
    columns = select(col(FactRow.case_id), col(FactRow.id), col(FactRow.kind), col(FactRow.at), col(FactRow.data))
    found: dict[str, list[Fact]] = {}
    for case_id, fact_id, kind, at, data in session.execute(columns.where(col(FactRow.case_id).in_(case_ids))):
        found.setdefault(case_id, []).append(Fact(id=fact_id, kind=FactKind(kind), at=at, data=data))
    return found


def _changed_lines(session: Session, wanted: Mapping[Place, _Line], owners: Collection[str]) -> dict[Place, _Line]:
    """The lines that differ from what stands there, and those to take out. An NPN that nobody confirmed, and that
    somebody else is listed under, stays theirs.
    """
    held = _places_of(session, owners)
    standing = _standing(session, held | set(wanted))
    changed = {}
    for place, line in wanted.items():
        now = standing.get(place)
        taken = now is not None and now.cells is not None and now.owner != line.owner
        same = now is not None and (now.owner, now.cells) == (line.owner, line.cells)
        if not same and (line.firm or not taken):
            changed[place] = line
    for place in held - set(wanted):
        now = standing[place]
        if now.owner in owners and now.cells is not None:
            changed[place] = _Line(now.owner, None)
    return changed


def _places_of(session: Session, owners: Collection[str]) -> set[Place]:
    query = select(col(PublishedRow.list_name), col(PublishedRow.key)).where(col(PublishedRow.owner).in_(owners))
    return {(name, key) for name, key in session.execute(query)}


def _standing(session: Session, places: Collection[Place]) -> dict[Place, _Line]:
    """The newest line of each place (and of others), staged ones too."""
    cells: Any = col(PublishedRow.cells)
    columns = select(col(PublishedRow.list_name), col(PublishedRow.key), col(PublishedRow.owner), cells)
    # Two conditions and not one on pairs, for which SQLite reads the whole table.
    query = columns.where(
        col(PublishedRow.list_name).in_([name.value for name in PublishedList]),
        col(PublishedRow.key).in_({key for _, key in places}),
    )
    found = session.execute(query.order_by(col(PublishedRow.publication)))
    return {(name, key): _Line(owner, cells) for name, key, owner, cells in found}


def _put(session: Session, number: int, lines: Mapping[Place, _Line]) -> None:
    """Writes lines in the place of those staged there before; the ones published there before are marked replaced."""
    for name in PublishedList:
        if keys := [key for list_name, key in lines if list_name == name]:
            there = (col(PublishedRow.list_name) == name.value) & col(PublishedRow.key).in_(keys)
            _do(session, delete(PublishedRow).where(there, col(PublishedRow.publication) == number))
            newest = there & col(PublishedRow.replaced_by).is_(None)
            _do(session, update(PublishedRow).where(newest).values(replaced_by=number))
    if lines:
        session.execute(
            insert(PublishedRow),
            [
                {
                    "list_name": name,
                    "key": key,
                    "publication": number,
                    "owner": line.owner,
                    "cells": line.cells,
                    "replaced_by": number if line.cells is None else None,
                }
                for (name, key), line in lines.items()
            ],
        )


def _delete_some(session: Session, which: Any, most: int) -> int:
    """Deletes at most so many lines; how many they were."""
    columns = select(col(PublishedRow.list_name), col(PublishedRow.key), col(PublishedRow.publication))
    found = (session.execute(columns.where(which).limit(most))).all()
    if found:
        this = (
            (col(PublishedRow.list_name) == bindparam("a_list"))
            & (col(PublishedRow.key) == bindparam("a_key"))
            & (col(PublishedRow.publication) == bindparam("a_number"))
        )
        connection = session.connection()
        connection.execute(
            delete(PublishedRow).where(this),
            [{"a_list": name, "a_key": key, "a_number": number} for name, key, number in found],
        )
    return len(found)


def _do(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))


def _mark_staged(session: Session, cases: Iterable[Case]) -> None:
    these = col(Case.case_id).in_([case.case_id for case in cases])
    _do(session, update(Case).where(these).values(unpublished=False))


# what is read


def _newest_first() -> Any:
    return select(PublicationRow).order_by(col(PublicationRow.number).desc()).limit(1)


def _current(session: Session) -> Edition:
    newest = one_or_none(session, _newest_first().where(col(PublicationRow.published_at).is_not(None)))
    return Edition(newest.number, newest.published_at) if newest else Edition()


def _lines_of(name: PublishedList, number: int) -> Any:
    """Keys and cells, as JSON text: to parse a page at once is quicker than line by line. Newer lines of a key last."""
    return (
        select(col(PublishedRow.key), cast(col(PublishedRow.cells), Text))
        .where(col(PublishedRow.list_name) == name.value, col(PublishedRow.publication) <= number)
        .order_by(col(PublishedRow.key), col(PublishedRow.publication))
    )
