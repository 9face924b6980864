"""Look-ups of the watch: each is written down before it is made, and what its answer means is recorded (E1–E3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import any_policy_of, list_rows
from db.license_tables import RegistryCall, WatchedLicense
from db.tables import Case, CertificateRow
from db.writes.effects import keep_evidence
from db.writes.licenses.authority import find_lapse_suspension, restore_holder, suspend_holder
from db.writes.licenses.watched import is_watched_still
from db.writes.screenings import SOURCE
from domain.programs.policies import find_license_watch
from domain.shared.licenses.watch import LicenseStanding, LicenseVerdict, find_next_due
from domain.shared.policy import ProgramPolicy


@dataclass(frozen=True)
class DueCall:
    """A look-up to make: the NPN, and the cases whose licence its answer is about."""

    npn: str
    holders: tuple["Holder", ...]


@dataclass(frozen=True)
class Holder:
    """A certified case with its policy, and whether its licence's lapse has suspended it."""

    case: Case
    policy: ProgramPolicy
    is_suspended: bool

    def is_changed_by(self, verdict: LicenseVerdict) -> bool:
        """Whether an answer takes their authority away, or gives it back."""
        wanted = LicenseStanding.GOOD if self.is_suspended else LicenseStanding.LAPSED
        return verdict.standing is wanted


@dataclass(frozen=True)
class JudgedLicense:
    """What the registry's answer of a call comes to for one case; ``raw`` is it as it came, ``sha256`` its digest."""

    case_id: str
    npn: str
    verdict: LicenseVerdict
    raw: bytes
    sha256: str


def take_calls(
    session: Session, program: str, day: date, now: datetime, at_most: int, bound: int
) -> tuple[list[DueCall], bool]:
    """Writes down the next look-ups to make, those longest due first; and whether none is left, or the day's bound is.

    Each counts against the bound, whatever comes of it, and isn't made again that day: where nothing comes of it,
    it is due the next day. ``bound`` is how many a program may make a day.
    """
    room = min(at_most, bound - _count_calls(session, program, day))
    if room <= 0:
        return [], False
    made = exists().where(col(RegistryCall.day) == day, col(RegistryCall.npn) == col(WatchedLicense.npn))
    due = select(WatchedLicense).where(
        col(WatchedLicense.program) == program, col(WatchedLicense.due_on) <= day, ~col(WatchedLicense.ended), ~made
    )
    rows = list_rows(session, due.order_by(col(WatchedLicense.due_on), col(WatchedLicense.npn)).limit(room))
    npns = list(dict.fromkeys(row.npn for row in rows))
    calls = [
        call for npn, holders in _find_holders(session, npns, day).items() if (call := DueCall(npn, holders)).holders
    ]
    for call in calls:
        session.add(RegistryCall(day=day, npn=call.npn, program=program, made_at=now))
    return calls, bool(rows)


def _count_calls(session: Session, program: str, day: date) -> int:
    counted: Any = select(func.count()).select_from(RegistryCall)
    ours = counted.where(col(RegistryCall.day) == day, col(RegistryCall.program) == program)
    return int(session.execute(ours).scalar_one())


def _find_holders(session: Session, npns: Sequence[str], day: date) -> dict[str, tuple[Holder, ...]]:
    """Of each NPN the cases that are still to be watched, in any program; they are due the next day, until an answer.

    A case that has ended is watched no more. One whose NPN was put right is due under the one it has now.
    """
    found: dict[str, list[Holder]] = {npn: [] for npn in npns}
    query = select(WatchedLicense, Case).join(Case, col(Case.case_id) == col(WatchedLicense.case_id))
    rows = session.execute(query.where(col(WatchedLicense.npn).in_(npns), ~col(WatchedLicense.ended))).all()
    last_days = _find_last_days(session, [case.case_id for _, case in rows])
    for row, case in rows:
        npn = case.request.get("npn")
        if npn is None or not is_watched_still(case, last_days[case.case_id], day):
            row.ended = True
            if row.subscription is None:
                session.delete(row)
        elif npn != row.npn:
            row.npn, row.subscription = npn, None
        else:
            row.due_on = day + timedelta(days=1)
            if row.answered_on is None:  # it may have lapsed before an end that an appeal has taken back
                row.suspension_id = find_lapse_suspension(session, case.case_id)
            found[npn].append(Holder(case, any_policy_of(session, case), row.suspension_id is not None))
    return {npn: tuple(holders) for npn, holders in found.items()}


def _find_last_days(session: Session, case_ids: Sequence[str]) -> dict[str, date | None]:
    columns: Any = select(col(CertificateRow.case_id), col(CertificateRow.valid_until))
    ours = columns.where(col(CertificateRow.case_id).in_(case_ids)).order_by(col(CertificateRow.issued_at))
    return dict(session.execute(ours).all())


def record_answers(session: Session, judged: Sequence[JudgedLicense], day: date, now: datetime) -> None:
    """Records what answers of the day's calls come to; who lapsed is suspended, who is good again restored (E2, E3).

    A repeat changes nothing. Without a change no more is kept of an answer than that it came.
    """
    for one in sorted(judged, key=lambda judged: judged.case_id):
        row = session.get(WatchedLicense, one.case_id)
        call = session.get(RegistryCall, (day, one.npn))
        if row is None or call is None:
            continue
        case, standing = session.get_one(Case, one.case_id), one.verdict.standing
        if standing is LicenseStanding.LAPSED and row.suspension_id is None:
            row.suspension_id = suspend_holder(session, case.case_id, one.verdict, day, now)
            call.suspended += row.suspension_id is not None
            _keep_answer(session, one, day, now)
        elif standing is LicenseStanding.GOOD and row.suspension_id is not None:
            call.restored += restore_holder(session, case.case_id, row.suspension_id, now)
            row.suspension_id = None
            _keep_answer(session, one, day, now)
        rules = find_license_watch(case.program, case.plan_year)
        row.answered_on, row.expires_on = day, one.verdict.expires_on
        row.due_on = find_next_due(rules, day, row.expires_on, is_suspended=row.suspension_id is not None)
        call.answered = True


def _keep_answer(session: Session, one: JudgedLicense, day: date, now: datetime) -> None:
    key = f"{one.case_id}:{SOURCE}:watch:{day.isoformat()}:{one.sha256}"
    keep_evidence(session, key, one.case_id, SOURCE, one.raw, one.sha256, now)
