"""Whose licences are watched: the certified are taken in, and the registry's alerts are told and heard (E1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from db.case_state import list_rows, one_or_none
from db.license_tables import AlertReport, WatchedLicense
from db.tables import Case, CertificateRow
from domain.federal.markets import Role
from domain.programs.policies import find_last_day, find_license_watch
from domain.shared.assister import Kind
from domain.shared.cases.stages import ENDED

LICENSED = (*(kind.value for kind in Kind if kind.is_licensed), Role.MARKETPLACE_AGENT_BROKER.value)
TAKEN_IN_AT_ONCE = 500
# As many as one of the registry's subscriptions holds.
NPNS_A_SUBSCRIPTION = 500
# How many NPNs a statement names.
NAMED_AT_ONCE = 500
SATURDAY = 5


@dataclass(frozen=True)
class TakenIn:
    """Cases that are watched from now on and not due yet; ``after`` is the case before the next page, "" at last."""

    waiting: tuple[str, ...]
    after: str


def take_in_certified(session: Session, after: str, day: date) -> TakenIn:
    """Begins to watch a page of those certified.

    Somebody was asked about when their certificate was issued: their first turn is a cadence later.
    """
    watched = exists().where(col(WatchedLicense.case_id) == col(Case.case_id))
    certified = exists().where(col(CertificateRow.case_id) == col(Case.case_id))
    columns: Any = select(
        col(Case.case_id), col(Case.program), col(Case.plan_year), col(Case.request)["npn"].as_string()
    ).where(col(Case.case_id) > after, col(Case.stage).not_in(ENDED), col(Case.kind).in_(LICENSED), certified, ~watched)
    found = session.execute(columns.order_by(col(Case.case_id)).limit(TAKEN_IN_AT_ONCE)).all()
    issued = _find_issues(session, [row[0] for row in found])
    waiting = []
    for case_id, program, plan_year, npn in found:
        issued_on, valid_until = issued[case_id]
        if npn is None or _is_over(program, plan_year, valid_until, day):
            continue
        first = issued_on + timedelta(days=find_license_watch(program, plan_year).every_days)
        session.add(WatchedLicense(case_id=case_id, program=program, npn=npn, due_on=max(first, day)))
        if first > day:
            waiting.append(case_id)
    return TakenIn(tuple(waiting), found[-1][0] if len(found) == TAKEN_IN_AT_ONCE else "")


def keep_expiry(session: Session, case_id: str, expires_on: date) -> None:
    """Keeps a licence's last day that was known before the first look-up; the day after it is a turn of its own."""
    row = session.get(WatchedLicense, case_id, with_for_update=True)
    if row is not None and row.answered_on is None:
        row.expires_on = expires_on
        row.due_on = min(row.due_on, expires_on + timedelta(days=1))


def is_watched_still(case: Case, valid_until: date | None, day: date) -> bool:
    """Whether a case's certificate lets its holder assist on a day, as far as its days and its end go."""
    return case.stage not in ENDED and not _is_over(case.program, case.plan_year, valid_until, day)


def _is_over(program: str, plan_year: int, valid_until: date | None, day: date) -> bool:
    last = find_last_day(program, plan_year, valid_until)
    return last is not None and last < day


def _find_issues(session: Session, case_ids: Collection[str]) -> dict[str, tuple[date, date | None]]:
    """When each case's last certificate was issued, and its last day where it was issued with one."""
    columns = select(col(CertificateRow.case_id), col(CertificateRow.issued_at), col(CertificateRow.valid_until))
    ours = columns.where(col(CertificateRow.case_id).in_(case_ids)).order_by(col(CertificateRow.issued_at))
    return {case_id: (issued_at.date(), valid_until) for case_id, issued_at, valid_until in session.execute(ours)}


@dataclass(frozen=True)
class Targets:
    """NPNs that the alerts of one of our subscriptions are to name; ``is_new`` where there is none of its number."""

    subscription: int
    npns: tuple[str, ...]
    is_new: bool


def find_new_targets(session: Session) -> Targets | None:
    """Those watched whom the registry's alerts don't name yet, as many as a subscription has room for; None: nobody."""
    subscription = one_or_none(session, select(func.max(WatchedLicense.subscription))) or 1
    taken = _count_targets(session, subscription)
    if taken >= NPNS_A_SUBSCRIPTION:
        subscription, taken = subscription + 1, 0
    untold = select(col(WatchedLicense.npn)).where(
        col(WatchedLicense.subscription).is_(None), ~col(WatchedLicense.ended)
    )
    room = untold.distinct().order_by(col(WatchedLicense.npn)).limit(NPNS_A_SUBSCRIPTION - taken)
    npns = tuple(list_rows(session, room))
    return Targets(subscription, npns, taken == 0) if npns else None


def _count_targets(session: Session, subscription: int) -> int:
    npns = select(func.count(func.distinct(WatchedLicense.npn)))
    return int(session.execute(npns.where(col(WatchedLicense.subscription) == subscription)).scalar_one())


def keep_targets(session: Session, targets: Targets) -> None:
    """Writes down that the registry has been told of them."""
    ours = col(WatchedLicense.npn).in_(targets.npns), col(WatchedLicense.subscription).is_(None)
    session.execute(update(WatchedLicense).where(*ours).values(subscription=targets.subscription))


def find_ended_targets(session: Session) -> Targets | None:
    """NPNs of one subscription by which nobody is watched any more."""
    other = aliased(WatchedLicense)
    same = col(other.npn) == col(WatchedLicense.npn), col(other.subscription) == col(WatchedLicense.subscription)
    needed = exists().where(*same, ~col(other.ended))
    columns: Any = select(col(WatchedLicense.subscription), col(WatchedLicense.npn)).where(
        col(WatchedLicense.ended), col(WatchedLicense.subscription).is_not(None), ~needed
    )
    order = col(WatchedLicense.subscription), col(WatchedLicense.npn)
    found = session.execute(columns.order_by(*order).limit(NPNS_A_SUBSCRIPTION)).all()
    if not found:
        return None
    first = found[0][0]
    return Targets(first, tuple(dict.fromkeys(npn for subscription, npn in found if subscription == first)), False)


def forget_targets(session: Session, targets: Targets) -> None:
    """Deletes what was watched, once the registry has been told; also where it needn't be."""
    of_these = col(WatchedLicense.npn).in_(targets.npns), col(WatchedLicense.subscription) == targets.subscription
    session.execute(delete(WatchedLicense).where(col(WatchedLicense.ended), *of_these))


def list_unread_reports(session: Session, day: date, days_back: int) -> list[date]:
    """The days whose report of alerts is to be asked for: working days of late whose report wasn't read, and today."""
    days = [day - timedelta(days=number) for number in range(days_back, -1, -1)]
    read = set(list_rows(session, select(col(AlertReport.day)).where(col(AlertReport.day) >= days[0])))
    return [one for one in days if one.weekday() < SATURDAY and one not in read]


def record_alerts(session: Session, reported: date, npns: Sequence[str], day: date, now: datetime) -> int:
    """Makes those due at once whom a day's report names and about whom nothing was heard since; how many of ours.

    The report of a day that isn't over is read again.
    """
    named = 0
    for start in range(0, len(npns), NAMED_AT_ONCE):
        some = npns[start : start + NAMED_AT_ONCE]
        ours = col(WatchedLicense.npn).in_(some), ~col(WatchedLicense.ended)
        unheard = col(WatchedLicense.answered_on).is_(None) | (col(WatchedLicense.answered_on) <= reported)
        due = update(WatchedLicense).where(*ours, unheard, col(WatchedLicense.due_on) > reported)
        session.execute(due.values(due_on=reported))
        counted = select(func.count(func.distinct(WatchedLicense.npn))).where(*ours)
        named += int(session.execute(counted).scalar_one())
    if reported < day and session.get(AlertReport, reported) is None:
        session.add(AlertReport(day=reported, named=named, read_at=now))
    return named
