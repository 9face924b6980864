"""Appeals as they are shown: to staff, to the appellant, and to programs; and which workflows are to be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.appeal_tables import AppealFile, AppealRow
from db.case_state import CaseSnapshot, any_policy_of, load_case, snapshot_case
from db.cursors import NUMBERS, Cursor, Page, page_of
from db.tables import Assister, Case, InboxRow
from domain.shared.business_days import DaysOff
from domain.shared.cases.appeals import Appeal
from domain.shared.cases.events import EventSource, EventState
from domain.shared.cases.facts import FactLog
from domain.shared.cases.objections import find_filing_terms
from domain.shared.cases.reasons import Reason
from domain.shared.policy import find_local_date

AT_ONCE = 100
# A clock that nobody has looked at for so long has lost its workflow.
UNATTENDED = timedelta(minutes=10)


@dataclass(frozen=True)
class ListedAppeal:
    """An appeal in the list of those to be decided."""

    id: int
    case_id: str
    number: int
    name: str
    program: str
    plan_year: int
    appealed: str
    phase: int
    phases: int
    filed_at: datetime
    due_on: date
    is_overdue: bool


@dataclass(frozen=True)
class EvidenceFile:
    """A file of evidence, without its content."""

    number: int
    name: str
    media_type: str
    size: int
    sha256: str
    submitted_by: str
    submitted_at: datetime
    phase: int


@dataclass(frozen=True)
class ShownAppeal:
    """An appeal with its files and the labels of its phases, per language; ``is_overdue``: the answer is late."""

    appeal: Appeal
    files: tuple[EvidenceFile, ...]
    phase_labels: tuple[Mapping[str, str], ...]
    is_overdue: bool

    def document(self) -> dict[str, Any]:
        """As JSON, with times as they are."""
        filed = self.appeal.filed
        return {
            "number": filed.number,
            "state": self.appeal.state,
            "outcome": self.appeal.outcome,
            "appealed": filed.appealed,
            "notice_on": filed.notice_on,
            "last_day": filed.last_day,
            "received_on": filed.received_on,
            "filed_at": self.appeal.filed_at,
            "filed_by": filed.by,
            "method": filed.method,
            "grounds": filed.grounds,
            "suspensions": filed.suspensions,
            "stayed": filed.stayed,
            "phase": self.appeal.phase,
            "phases": len(self.phase_labels),
            "due_on": self.appeal.due_on,
            "overdue": self.is_overdue,
            "decisions": [{**one.model_dump(exclude={"number"}), "at": at} for one, at in self.appeal.decisions],
            "evidence": [vars(one) for one in self.files],
        }


@dataclass(frozen=True)
class AppealOffer:
    """Whether an appeal can be filed: until which day, or why not any more."""

    last_day: date | None
    refusal: Reason | None


def read_appeals(session: Session, case_id: str) -> list[ShownAppeal]:
    """The appeals of a case, the first one first. Raises `UnknownCase`."""
    snapshot = snapshot_case(session, load_case(session, case_id))
    rules = any_policy_of(session, snapshot.case).appeal
    labels = tuple(one.label for one in rules.phases) if rules else ()
    return [
        ShownAppeal(one, tuple(_list_files(session, row)), labels, row.overdue_at is not None)
        for one, row in _pair_rows(session, snapshot)
    ]


def _pair_rows(session: Session, snapshot: CaseSnapshot) -> Iterable[tuple[Appeal, AppealRow]]:
    of_case = select(AppealRow).where(col(AppealRow.case_id) == snapshot.case.case_id)
    rows = {row.number: row for row in session.execute(of_case).scalars()}
    return [(one, rows[one.number]) for one in snapshot.state.appeals if one.number in rows]


def _list_files(session: Session, row: AppealRow) -> Iterable[EvidenceFile]:
    # Columns, since contents are megabytes.
    columns = [getattr(AppealFile, name) for name in EvidenceFile.__dataclass_fields__]
    of_appeal: Any = select(*columns).where(col(AppealFile.appeal_id) == row.id).order_by(col(AppealFile.number))
    return [EvidenceFile(*found) for found in session.execute(of_appeal)]


def find_evidence(session: Session, case_id: str, number: int, file: int) -> AppealFile | None:
    """A file of a case's appeal with its content; None where there is none."""
    query = (
        select(AppealFile)
        .join(AppealRow, col(AppealRow.id) == col(AppealFile.appeal_id))
        .where(col(AppealRow.case_id) == case_id, col(AppealRow.number) == number, col(AppealFile.number) == file)
    )
    found: AppealFile | None = session.execute(query).scalar_one_or_none()
    return found


def find_appeal_offer(session: Session, case_id: str, days_off: DaysOff, now: datetime) -> AppealOffer | None:
    """Whether what staff decided can be appealed; None where they decided nothing that could be."""
    snapshot = snapshot_case(session, load_case(session, case_id))
    state, policy = snapshot.state, any_policy_of(session, snapshot.case)
    if state.open_appeal is not None or policy.appeal is None:
        return None
    terms = find_filing_terms(
        FactLog(snapshot.facts),
        state.authority,
        policy,
        days_off,
        find_local_date(policy, now),
    )
    return AppealOffer(terms.last_day, terms.refusal) if terms.appealed else None


def read_open_appeals(session: Session, after: Cursor | None, limit: int) -> Page[ListedAppeal]:
    """Appeals to be decided, the oldest first. Raises `Invalid` for an invalid cursor."""

    def fetch(key: int | None, back: bool, most: int) -> list[ListedAppeal]:
        query: Any = (
            select(AppealRow, Case, Assister)
            .join(Case, col(Case.case_id) == col(AppealRow.case_id))
            .join(Assister, col(Assister.assister_id) == col(Case.assister_id))
            .where(col(AppealRow.state) == "open")
        )
        if key is not None:
            query = query.where(col(AppealRow.id) < key if back else col(AppealRow.id) > key)
        ordered = query.order_by(col(AppealRow.id).desc() if back else col(AppealRow.id))
        return [_list_appeal(session, *found) for found in session.execute(ordered.limit(most))]

    return page_of(NUMBERS, lambda one: one.id, fetch, after, limit)


def _list_appeal(session: Session, row: AppealRow, case: Case, person: Assister) -> ListedAppeal:
    rules = any_policy_of(session, case).appeal
    return ListedAppeal(
        id=row.id or 0,
        case_id=row.case_id,
        number=row.number,
        name=f"{person.first_name} {person.last_name}",
        program=case.program,
        plan_year=case.plan_year,
        appealed=row.appealed,
        phase=row.phase,
        phases=len(rules.phases) if rules else row.phase,
        filed_at=row.filed_at,
        due_on=row.due_on,
        is_overdue=row.overdue_at is not None,
    )


def list_untold_appeals(session: Session, now: datetime, before: datetime) -> list[AppealRow]:
    """Appeals changed before this instant whose workflow isn't told of it; and open ones whose clock nobody minds."""
    untold = and_(col(AppealRow.told) < col(AppealRow.version), col(AppealRow.changed_at) < before)
    left = and_(
        col(AppealRow.state) == "open", col(AppealRow.overdue_at).is_(None), col(AppealRow.due_at) < now - UNATTENDED
    )
    query = select(AppealRow).where(or_(untold, left)).order_by(col(AppealRow.changed_at)).limit(AT_ONCE)
    return list(session.execute(query).scalars())


def list_untold_facts(session: Session, case_id: str) -> list[InboxRow]:
    """What appeals came to for suspensions, of which the case's workflow isn't told yet; in their order."""
    of_case = (col(InboxRow.case_id) == case_id, col(InboxRow.source) == EventSource.AUTHORITY)
    pending = select(InboxRow).where(*of_case, col(InboxRow.state) == EventState.PENDING)
    return list(session.execute(pending.order_by(col(InboxRow.id))).scalars())


def find_appeal_version(session: Session, case_id: str, number: int) -> int:
    """The version of an appeal, as it is now."""
    query = select(col(AppealRow.version)).where(col(AppealRow.case_id) == case_id, col(AppealRow.number) == number)
    return int(session.execute(query).scalar_one())
