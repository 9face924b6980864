"""Imports as wholes: begun, row by row, ended; and undone while nothing was built on them (E10)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows
from db.import_tables import ImportBatch, ImportRow, ReceivedFile
from db.own_tables import OwnIdentity
from db.reads.seasons.imports import find_last_row
from db.season_tables import SeasonEntry
from db.tables import Assister, AuditRow, Case, EarlierYear, FactRow, SearchTerm, UncountedReport
from db.writes.imports import find_known_year_conflict, import_person
from db.writes.persons import find_by_key, identity_of
from db.writes.webhooks.uncounted import IMPORTED
from domain.programs.import_files import ReadRow, RowOutcome
from domain.programs.imports import ImportedPerson, find_import_conflict
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Fault, dump_faults
from domain.shared.documents.parsing import hash_document
from domain.shared.programs import STATE_PROGRAM

RUNNING, DONE, UNDONE = "running", "done", "undone"
PAGE = 500
# By which a case has gone on with an account, whoever told of it first.
_GOES_ON_WITH = {
    "lms_account": (
        FactKind.LMS_REGISTERED,
        FactKind.LMS_PROFILE_COMPLETED,
        FactKind.COURSE_STARTED,
        FactKind.COURSE_COMPLETED,
        FactKind.EXAM_ATTEMPTED,
    ),
    "portal_account": (FactKind.PORTAL_REGISTERED, FactKind.PORTAL_ACTIVATED, FactKind.PORTAL_ACCOUNT_REUSED),
}


def begin_import(session: Session, import_id: str, actor: str, columns: list[str] | None, now: datetime) -> None:
    """Keeps that an import begins; ``columns`` are those of a CSV."""
    session.add(ImportBatch(id=import_id, state=RUNNING, actor=actor, columns=columns, started_at=now))


def receive_file(
    session: Session,
    import_id: str,
    actor: str,
    columns: list[str],
    program: str,
    rows: int,
    content: bytes,
    now: datetime,
) -> None:
    """Keeps that an import begins whose file is taken by the worker, and the file until then."""
    begin_import(session, import_id, actor, columns, now)
    session.flush()
    session.add(ReceivedFile(import_id=import_id, program=program, rows=rows, content=content))


def import_rows(
    session: Session, identity_key: bytes, import_id: str, actor: str, rows: Sequence[ReadRow], now: datetime
) -> list[ImportRow]:
    """Takes the next rows of an import, each as a whole; what becomes of each is kept, and answered.

    Those that were taken before are passed over: who takes a file may be cut off, and two may take one for a moment.
    Raises `Refusal` where it was undone meanwhile: nothing more is taken.
    """
    _lock_running(session, import_id)
    last = find_last_row(session, import_id)
    return [_import_row(session, identity_key, import_id, actor, row, now) for row in rows if row.number > last]


def _import_row(
    session: Session, identity_key: bytes, import_id: str, actor: str, row: ReadRow, now: datetime
) -> ImportRow:
    kept = ImportRow(import_id=import_id, number=row.number, outcome=RowOutcome.REFUSED)
    faults = list(row.faults)
    if row.person is not None and (fault := _find_contradiction(session, identity_key, import_id, row.person)):
        faults.append(fault)
    if row.person is None or faults:
        kept.cells, kept.faults = row.cells, dump_faults(faults)
    else:
        with session.begin_nested():
            done = import_person(session, identity_key, row.person, actor, now, import_id)
        kept.assister_id, kept.added = done.assister_id, done.added
        kept.outcome = RowOutcome.NEW if done.created else RowOutcome.KNOWN
        if done.conflict is not None:
            kept.outcome, kept.faults = RowOutcome.CONFLICT, dump_faults([done.conflict])
            kept.digest = hash_document(row.person.describe())
    session.add(kept)
    session.flush()
    return kept


def _find_contradiction(
    session: Session, identity_key: bytes, import_id: str, imported: ImportedPerson
) -> Fault | None:
    """Where a row contradicts one before it in the same file; what another import or a case says is for staff."""
    person = find_by_key(session, identity_key, imported.person.npn, imported.person.email)
    if person is None:
        return None
    query = select(col(ImportRow.number)).where(
        col(ImportRow.assister_id) == person.assister_id, col(ImportRow.import_id) == import_id
    )
    before = list_rows(session, query.order_by(col(ImportRow.number)).limit(1))
    if not before:
        return None
    conflict = None
    if person.import_id == import_id:
        conflict = find_import_conflict(identity_of(person), imported)
    if conflict is None and (found := find_known_year_conflict(session, person, imported)):
        year = imported.years[int(found.field.split(".")[1])]
        known = session.get(EarlierYear, (person.assister_id, imported.program, year.plan_year))
        conflict = found if known is not None and known.import_id == import_id else None
    if conflict is None:
        return None
    return Fault(conflict.field.rpartition(".")[2], "row_contradicts", {"row": str(before[0])})


def end_import(session: Session, import_id: str, now: datetime) -> None:
    """Keeps that an import went through, audited with what it came to. Raises `Refusal` where it was undone."""
    batch = _lock_running(session, import_id)
    batch.state, batch.ended_at = DONE, now
    session.add(batch)
    _forget_file(session, import_id)
    _record(session, batch, "import.done", batch.actor, None, now)


def _forget_file(session: Session, import_id: str) -> None:
    """Of a file nothing is kept but the rows that were refused."""
    session.execute(delete(ReceivedFile).where(col(ReceivedFile.import_id) == import_id))


def _lock_running(session: Session, import_id: str) -> ImportBatch:
    batch = session.get_one(ImportBatch, import_id, with_for_update=True)
    if batch.state == UNDONE:
        raise Refusal(Reason("import_undone"))
    return batch


def undo_import(session: Session, import_id: str, reason: str | None, actor: str, now: datetime) -> ImportBatch:
    """Takes all of an import back in one transaction: people, years, fields and accounts that it told of first.

    An account stays with which a case has gone on since: its reports, and next year's case, need it. What it kept for
    staff and they haven't settled is dismissed. Raises `Refusal` naming what was built on it, with
    nothing undone.
    """
    batch = session.get(ImportBatch, import_id, with_for_update=True)
    if batch is None:
        raise Refusal(Reason("import_unknown"))
    if batch.state == UNDONE:
        raise Refusal(Reason("import_undone"))
    if built := _find_built_on(session, batch):
        raise Refusal(built)
    _record(session, batch, "import.undone", actor, reason, now)
    _dismiss_conflicts(session, import_id, now)
    session.execute(delete(EarlierYear).where(col(EarlierYear.import_id) == import_id))
    _take_back_additions(session, batch)
    created = select(col(Assister.assister_id)).where(col(Assister.import_id) == import_id)
    session.execute(delete(SearchTerm).where(col(SearchTerm.assister_id).in_(created)))
    session.execute(delete(Assister).where(col(Assister.import_id) == import_id))
    batch.state, batch.ended_at = UNDONE, now
    session.add(batch)
    _forget_file(session, import_id)
    # Nothing of what the rows said is kept of what was taken back.
    session.execute(update(ImportRow).where(col(ImportRow.import_id) == import_id).values(cells=None))
    return batch


def _find_built_on(session: Session, batch: ImportBatch) -> Reason | None:
    """What stands on an import: cases opened since, a season that went through its people, a later import."""
    of_people = col(ImportRow.assister_id), col(ImportRow.import_id) == batch.id
    cases = exists().where(of_people[0] == col(Case.assister_id), of_people[1])
    since = (cases, col(Case.opened_at) >= batch.started_at)
    number = int(session.execute(select(func.count()).select_from(Case).where(*since)).scalar_one())
    if number:
        first = session.execute(select(col(Case.case_id)).where(*since).order_by(col(Case.opened_at)).limit(1))
        return Reason("import_has_cases", {"number": str(number), "case_id": first.scalar_one()})
    entered = exists().where(of_people[0] == col(SeasonEntry.assister_id), of_people[1])
    entry = next(
        iter(list_rows(session, select(SeasonEntry).where(entered, col(SeasonEntry.at) >= batch.started_at).limit(1))),
        None,
    )
    if entry is not None:
        return Reason("import_in_season", {"program": entry.program, "plan_year": str(entry.plan_year)})
    return _find_later_import(session, batch) or _find_later_use(session, batch)


def _find_later_import(session: Session, batch: ImportBatch) -> Reason | None:
    mine = select(col(ImportRow.assister_id)).where(col(ImportRow.import_id) == batch.id)
    later = (
        select(col(ImportBatch.id))
        .join(ImportRow, col(ImportRow.import_id) == col(ImportBatch.id))
        .where(
            col(ImportBatch.id) != batch.id,
            col(ImportBatch.started_at) >= batch.started_at,
            col(ImportBatch.state) != UNDONE,
            col(ImportRow.assister_id).in_(mine),
        )
        .order_by(col(ImportBatch.started_at).desc())
    )
    found = list_rows(session, later.limit(1))
    return Reason("import_followed", {"import_id": found[0]}) if found else None


def _find_later_use(session: Session, batch: ImportBatch) -> Reason | None:
    """People it told of first who have more than it told: a record that staff have joined to them, a way to sign in."""
    created = select(col(Assister.assister_id)).where(col(Assister.import_id) == batch.id)
    joined = select(EarlierYear).where(
        col(EarlierYear.assister_id).in_(created), col(EarlierYear.import_id).is_distinct_from(batch.id)
    )
    known = select(OwnIdentity).where(col(OwnIdentity.assister_id).in_(created))
    if any(list_rows(session, query.limit(1)) for query in (joined, known)):
        return Reason("import_people_used")
    return None


def _dismiss_conflicts(session: Session, import_id: str, now: datetime) -> None:
    digests = select(col(ImportRow.digest)).where(
        col(ImportRow.import_id) == import_id, col(ImportRow.digest).is_not(None)
    )
    kept = (
        col(UncountedReport.sender) == IMPORTED,
        col(UncountedReport.settled_at).is_(None),
        col(UncountedReport.digest).in_(digests),
    )
    session.execute(update(UncountedReport).where(*kept).values(settled_at=now, outcome="dismissed"))


def _take_back_additions(session: Session, batch: ImportBatch) -> None:
    """From people who were known before: the fields and accounts that they have by this import."""
    number = -1
    while True:
        query = select(ImportRow).where(
            col(ImportRow.import_id) == batch.id, col(ImportRow.number) > number, col(ImportRow.added).is_not(None)
        )
        rows: list[ImportRow] = list_rows(session, query.order_by(col(ImportRow.number)).limit(PAGE))
        used = _find_used_accounts(session, [row.assister_id for row in rows if row.assister_id], batch.started_at)
        for row in rows:
            person = session.get(Assister, row.assister_id)
            added: dict[str, Any] = row.added or {}
            if person is None or person.import_id == batch.id:
                continue
            fields = set(added["fields"])
            person.details = {name: value for name, value in person.details.items() if name not in fields}
            for name in added["accounts"]:
                if (person.assister_id, name) not in used:
                    setattr(person, name, None)
            session.add(person)
        session.flush()
        if len(rows) < PAGE:
            return
        number = rows[-1].number


def _find_used_accounts(session: Session, assister_ids: Sequence[str], since: datetime) -> set[tuple[str, str]]:
    """Whose case has gone on with which account since then."""
    accounts = {kind.value: name for name, kinds in _GOES_ON_WITH.items() for kind in kinds}
    query = (
        select(col(Case.assister_id), col(FactRow.kind))
        .join(FactRow, col(FactRow.case_id) == col(Case.case_id))
        .where(
            col(Case.assister_id).in_(assister_ids),
            col(Case.program) == STATE_PROGRAM,  # accounts elsewhere are none in the exchange's LMS and portal
            col(FactRow.kind).in_(accounts),
            col(FactRow.recorded_at) >= since,
        )
    )
    return {(assister_id, accounts[kind]) for assister_id, kind in session.execute(query.distinct())}


def _record(session: Session, batch: ImportBatch, action: str, actor: str, reason: str | None, now: datetime) -> None:
    counted = select(col(ImportRow.outcome), func.count()).where(col(ImportRow.import_id) == batch.id)
    counts = {str(found[0]): int(found[1]) for found in session.execute(counted.group_by(col(ImportRow.outcome)))}
    details = {"import_id": batch.id, **counts}
    session.add(AuditRow(at=now, actor=actor, action=action, reason=reason, details=details))
