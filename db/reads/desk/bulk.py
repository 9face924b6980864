"""Cases that can be approved along with others, unopened: those that wait for a decision with every check passed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import certification_of, load_case
from db.cursors import Cursor, Page
from db.desk_tables import CaseNote
from db.reads.desk.assignments import list_desks
from db.reads.queue import OLDEST_FIRST, Filters, ListedCase, View, list_matching, read_case_page
from db.tables import Case
from domain.shared.cases.stages import WaitingFor
from domain.shared.programs import STATE_PROGRAM
from domain.state.commands import is_for_bulk
from domain.state.eligibility import ChecksOutcome

MOST_AT_ONCE = 50
# Why staff should look at a case: for a decision, and for nothing else, since a flag would stand here.
_FOR_DECISION = WaitingFor.DECISION.value


@dataclass(frozen=True)
class CleanCase:
    """A case for bulk approval, and how many checks it has passed."""

    case: ListedCase
    checks: int


@dataclass(frozen=True)
class BulkPage:
    """A page of the queue's cases whose checks have passed; ``clean`` are those for bulk approval among them."""

    clean: list[CleanCase]
    page: Page[ListedCase]


def read_bulk_page(
    session: Session, filters: Filters, reader: str, now: datetime, after: Cursor | None = None
) -> BulkPage:
    """The next cases of the queue that wait for this reader's decision, under these filters. Raises `Invalid`."""
    passed = ChecksOutcome.PASSED.value
    narrowed = replace(filters, program=STATE_PROGRAM, attention=_FOR_DECISION, finding=passed, sorting=OLDEST_FIRST)
    page = read_case_page(session, View.QUEUE, narrowed, after, MOST_AT_ONCE)
    return BulkPage(_keep_clean(session, page.rows, reader, now), page)


def list_clean_cases(session: Session, case_ids: Iterable[str], reader: str, now: datetime) -> list[CleanCase]:
    """Those of these cases that this reader can approve in bulk as they stand now; one with a flag can't be."""
    wanted = list(case_ids)[:MOST_AT_ONCE]
    found = list_matching(session, *_are_waiting(wanted), limit=MOST_AT_ONCE)
    known = {one.case_id: one for one in found}
    return _keep_clean(session, [known[case_id] for case_id in wanted if case_id in known], reader, now)


def list_chosen_cases(session: Session, case_ids: Sequence[str]) -> list[ListedCase]:
    """These cases in their order, however they stand; without those that there are not."""
    found = list_matching(session, col(Case.case_id).in_(case_ids), limit=len(case_ids))
    return sorted(found, key=lambda one: case_ids.index(one.case_id))


def list_held_back(session: Session, case_ids: Sequence[str], reader: str, now: datetime) -> set[str]:
    """Those of these cases that nobody approves unopened: with a note, or on the desk of another than the reader."""
    noted = session.scalars(select(col(CaseNote.case_id)).where(col(CaseNote.case_id).in_(case_ids)))
    desks = list_desks(session, case_ids, now)
    return {*noted, *(case_id for case_id, actor in desks.items() if actor != reader)}


def _are_waiting(case_ids: list[str]) -> tuple[Any, ...]:
    of_state = col(Case.program) == STATE_PROGRAM
    return col(Case.case_id).in_(case_ids), of_state, col(Case.attention) == _FOR_DECISION


def _keep_clean(session: Session, rows: Sequence[ListedCase], reader: str, now: datetime) -> list[CleanCase]:
    kept, held_back = [], list_held_back(session, [row.case_id for row in rows], reader, now)
    for row in rows:
        if row.case_id in held_back:
            continue
        state = certification_of(session, load_case(session, row.case_id))
        if is_for_bulk(state):
            kept.append(CleanCase(row, len(state.findings)))
    return kept
