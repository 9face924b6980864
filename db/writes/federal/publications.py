"""The federal lists are published: staged page by page under the next number, made current at once (B18–B20).

Every line belongs to a publication by its number. Of a key the newest line counts, up to the publication that is
current; a line without cells takes the key out. A publication that is being staged is seen by nobody. Every function
is one transaction and may be repeated.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import federal_policy_of, list_rows, one_or_none, profile_of, registration_of
from db.claim_tables import NpnClaim
from db.reads.federal.published_lists import Cells, find_current, newest_first
from db.tables import Case, FactRow, PublicationRow, PublishedRow
from domain.federal.lists import ListedRegistration, PublishedList, build_rows, keeps_rows
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.stages import ENDED
from domain.shared.claims import ClaimState
from domain.shared.programs import FEDERAL_PROGRAM

# Changed registrations, and lines deleted, in one transaction: on SQLite nobody else writes meanwhile.
STAGED_AT_ONCE = 100
TIDIED_AT_ONCE = 2000

LineKey = tuple[str, str]  # list and key


@dataclass(frozen=True)
class _Line:
    """A line under a list and key, as it is or shall be, and whose it is; without cells it is taken out."""

    owner: str
    cells: Cells | None
    firm: bool = True


def open_publication(session: Session, day: date, now: datetime, *, forced: bool = False) -> int:
    """The number of the publication to stage: one that was left unfinished, or the next.

    0 when the day has its publication already, unless ``forced``.
    """
    newest = one_or_none(session, newest_first().with_for_update())
    if newest is not None and newest.published_at is None:
        return int(newest.number)
    if newest is not None and newest.business_day == day and not forced:
        return 0
    number = int(newest.number) + 1 if newest else 1
    session.add(PublicationRow(number=number, business_day=day, opened_at=now))
    return number


def stage_changes(session: Session, number: int) -> tuple[int, bool]:
    """Stages one page of what changed; answers how many lines changed by it, and whether there may be more.

    A publication that is current already takes no more: what changed since waits for the next one.
    """
    publication = session.get(PublicationRow, number, with_for_update=True)
    if publication is None or publication.published_at is not None:
        return 0, False
    changed = session.execute(
        select(col(Case.assister_id), col(Case.plan_year)).where(col(Case.unpublished).is_(True)).limit(STAGED_AT_ONCE)
    )
    people = [(assister_id, plan_year) for assister_id, plan_year in changed]
    if not people:
        return 0, False
    cases = _cases_of(session, set(people))
    wanted, kept = _wanted_lines(session, cases)
    lines = _changed_lines(session, wanted, {_owner_of(case) for case in cases} - kept)
    _write_lines(session, number, lines)
    _mark_staged(session, cases)
    return len(lines), len(people) == STAGED_AT_ONCE


def make_current(session: Session, number: int, now: datetime) -> int:
    """Makes a staged publication the current one, all of it at once; answers how many lines it has."""
    publication = session.get_one(PublicationRow, number, with_for_update=True)
    if publication.published_at is None:
        publication.published_at = now
        session.add(publication)
    lines = select(func.count()).select_from(PublishedRow).where(col(PublishedRow.publication) == number)
    return int(session.execute(lines).scalar_one())


def tidy_lines(session: Session) -> tuple[int, bool]:
    """Deletes one page of the lines that only readers of the publication before the last needed.

    Answers how many they were, and whether there may be more. A line that takes a key out goes after what it
    took out.
    """
    unneeded = col(PublishedRow.replaced_by) < find_current(session).number
    deleted = 0
    for which in (col(PublishedRow.cells).is_not(None), col(PublishedRow.cells).is_(None)):
        if deleted < TIDIED_AT_ONCE:
            deleted += _delete_lines(session, unneeded & which, TIDIED_AT_ONCE - deleted)
    return deleted, deleted == TIDIED_AT_ONCE


def _owner_of(case: Case) -> str:
    return f"{case.assister_id}:{case.plan_year}"


def _cases_of(session: Session, people: Collection[tuple[str, int]]) -> list[Case]:
    """Every attempt of these people in these plan years, locked in the order of their ids."""
    query = select(Case).where(
        col(Case.program) == FEDERAL_PROGRAM,
        col(Case.assister_id).in_({assister_id for assister_id, _ in people}),
        col(Case.plan_year).in_({plan_year for _, plan_year in people}),
    )
    found = list_rows(session, query.order_by(col(Case.case_id)).with_for_update())
    return [case for case in found if (case.assister_id, case.plan_year) in people]


def _wanted_lines(session: Session, cases: Collection[Case]) -> tuple[dict[LineKey, _Line], set[str]]:
    """What the lists are to say of these people, and those of them of whom nothing is to be taken out."""
    facts = _facts_of_all(session, [case.case_id for case in cases])
    wanted: dict[LineKey, _Line] = {}
    kept: set[str] = set()
    legacy = _find_legacy(session, cases)
    for owner, theirs in groupby(sorted(cases, key=lambda case: (_owner_of(case), case.attempt)), key=_owner_of):
        mine = list(theirs)
        attempts = [
            ListedRegistration(
                registration_of(case, facts.get(case.case_id, ())),
                profile_of(case),
                policy.windows.closes_on,
                policy.list_codes,
            )
            for case, policy in ((one, federal_policy_of(session, one)) for one in mine)
        ]
        waits = [case.case_id in legacy and one.state.is_listed_role for case, one in zip(mine, attempts, strict=True)]
        if keeps_rows(attempts) or any(waits):
            kept.add(owner)
        for row in build_rows(mine[0].assister_id, mine[0].plan_year, attempts):
            place = (row.list.value, row.key)
            if row.firm or place not in wanted:
                wanted[place] = _Line(owner, list(row.cells), row.firm)
    return wanted, kept


def _find_legacy(session: Session, cases: Collection[Case]) -> set[str]:
    """Open cases whose NPN is from before claims were proven: what was listed of them stays, and nothing new is."""
    waiting = [case for case in cases if case.npn_unproven and case.stage not in ENDED]
    claims = select(col(NpnClaim.assister_id), col(NpnClaim.npn)).where(
        col(NpnClaim.assister_id).in_([case.assister_id for case in waiting]),
        col(NpnClaim.state) == ClaimState.UNPROVEN_LEGACY,
    )
    found = {(assister_id, npn) for assister_id, npn in session.execute(claims)} if waiting else set()
    return {case.case_id for case in waiting if (case.assister_id, profile_of(case).npn) in found}


def _facts_of_all(session: Session, case_ids: Collection[str]) -> dict[str, list[Fact]]:
    columns = select(col(FactRow.case_id), col(FactRow.id), col(FactRow.kind), col(FactRow.at), col(FactRow.data))
    found: dict[str, list[Fact]] = {}
    for case_id, fact_id, kind, at, data in session.execute(columns.where(col(FactRow.case_id).in_(case_ids))):
        found.setdefault(case_id, []).append(Fact(id=fact_id, kind=FactKind(kind), at=at, data=data))
    return found


def _changed_lines(session: Session, wanted: Mapping[LineKey, _Line], owners: Collection[str]) -> dict[LineKey, _Line]:
    """The lines that differ from the newest ones, and those of ``owners`` to take out.

    A line about an NPN that the registry hasn't confirmed doesn't replace another person's line under that NPN.
    """
    held = _places_of(session, owners)
    newest = _newest_lines(session, held | set(wanted))
    changed = {}
    for place, line in wanted.items():
        now = newest.get(place)
        taken = now is not None and now.cells is not None and now.owner != line.owner
        same = now is not None and (now.owner, now.cells) == (line.owner, line.cells)
        if not same and (line.firm or not taken):
            changed[place] = line
    for place in held - set(wanted):
        now = newest[place]
        if now.owner in owners and now.cells is not None:
            changed[place] = _Line(now.owner, None)
    return changed


def _places_of(session: Session, owners: Collection[str]) -> set[LineKey]:
    query = select(col(PublishedRow.list_name), col(PublishedRow.key)).where(col(PublishedRow.owner).in_(owners))
    return {(name, key) for name, key in session.execute(query)}


def _newest_lines(session: Session, places: Collection[LineKey]) -> dict[LineKey, _Line]:
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


def _write_lines(session: Session, number: int, lines: Mapping[LineKey, _Line]) -> None:
    """Writes lines in the place of those staged there before; the ones published there before are marked replaced."""
    for name in PublishedList:
        if keys := [key for list_name, key in lines if list_name == name]:
            there = (col(PublishedRow.list_name) == name.value) & col(PublishedRow.key).in_(keys)
            _execute(session, delete(PublishedRow).where(there, col(PublishedRow.publication) == number))
            newest = there & col(PublishedRow.replaced_by).is_(None)
            _execute(session, update(PublishedRow).where(newest).values(replaced_by=number))
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


def _delete_lines(session: Session, which: Any, most: int) -> int:
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


def _execute(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))


def _mark_staged(session: Session, cases: Iterable[Case]) -> None:
    these = col(Case.case_id).in_([case.case_id for case in cases])
    _execute(session, update(Case).where(these).values(unpublished=False))
