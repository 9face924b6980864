"""The authority to assist, suspended and restored by cause: one transaction with its audit, and what is to be told.

Staff suspend and lift by commands (`db.writes.commands`). What is here is for causes that nobody commands: a watch over
licences, and terms that are reached.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.case_state import snapshot_case
from db.tables import SYSTEM, Case, InboxRow
from db.writes.facts import append_facts, lock_case, queue_fact, raise_flag, record_audit, unflag_locked_case
from db.writes.links import void_activation_links
from domain.shared.cases.authority import (
    AuthoritySuspendedData,
    RebuttalFiledData,
    Suspension,
    SuspensionCause,
)
from domain.shared.cases.authority_commands import build_restoration, find_rebuttal_refusal
from domain.shared.cases.authors import StepAuthor
from domain.shared.cases.commands import CommandOrigin, EndingData
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import AuthorityChanged
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.policy import find_day_end, find_local_date, find_time_zone

REBUTTAL_FILED = "rebuttal_filed"
# What the end by a termination says of it as its notice did.
_OF_NOTICE = {"by", "reason", "told", "written_in"}
LICENSE_RESTORED, TERM_OVER = Reason("license_restored"), Reason("term_over")


@dataclass(frozen=True)
class NewSuspension:
    """A suspension that nobody of staff has ordered: ``suspension_id`` is the caller's, and makes it once.

    ``until`` is its last day, where it has a term; ``note`` is a code of a reason: what it rests on.
    """

    suspension_id: str
    cause: SuspensionCause
    until: date | None = None
    note: str | None = None


def suspend_authority(session: Session, case_id: str, wanted: NewSuspension, now: datetime) -> list[InboxRow]:
    """Suspends the authority of a case (E2); what its workflow is to be told, nothing where it changes nothing.

    It changes nothing where this id was used before, where the same cause suspends it already, and in a case that has
    ended or has no certificate yet. Raises `UnknownCase`.
    """
    case = lock_case(session, case_id)
    snapshot = snapshot_case(session, case)
    authority = snapshot.state.authority
    if snapshot.state.ended or not snapshot.state.has_authority or authority.has_cause(wanted.cause):
        return []
    rests_on: dict[str, Any] = {"note": wanted.note} if wanted.note else {}
    data = AuthoritySuspendedData(
        suspension_id=wanted.suspension_id,
        cause=wanted.cause,
        reason="",
        until=wanted.until,
        decided_by=SYSTEM,
        notice_date=find_local_date(snapshot.policy, now),
        **rests_on,
    )
    fact = Fact(id=f"suspended:{wanted.suspension_id}", kind=FactKind.AUTHORITY_SUSPENDED, at=now, data=data.to_json())
    if append_facts(session, case, [fact], now).authority.facts == authority.facts:
        return []
    record_audit(
        session,
        now,
        SYSTEM,
        "authority.suspended",
        case,
        Reason(wanted.note or wanted.cause),
        suspension=wanted.suspension_id,
    )
    return [queue_fact(session, case, fact, EventSource.AUTHORITY, now)]


def restore_authority(
    session: Session, case_id: str, suspension_id: str, cause: SuspensionCause, now: datetime
) -> list[InboxRow]:
    """Ends a suspension whose cause is gone (E3); what the workflow is to be told, nothing where it changes nothing.

    A suspension of another cause stays, whatever its id: what staff have ordered is theirs to lift. Raises
    `UnknownCase`.
    """
    case = lock_case(session, case_id)
    suspension = snapshot_case(session, case).state.authority.find_suspension(suspension_id)
    if suspension is None or suspension.cause is not cause:
        return []
    return [
        queue_fact(
            session, case, _restore(session, case, suspension, LICENSE_RESTORED, now), EventSource.AUTHORITY, now
        )
    ]


def file_rebuttal(session: Session, case_id: str, text: str, author: StepAuthor, now: datetime) -> None:
    """Keeps what an assister has to say against what staff have ordered, and shows it to staff (E4).

    ``author`` is the assister, or who of staff writes it down for them, with how they have their word (D6). The same
    words again change nothing. Raises `UnknownCase`, and `Refusal` where staff have ordered nothing that is open, or
    where they have been told often enough.
    """
    case = lock_case(session, case_id)
    snapshot = snapshot_case(session, case)
    authority = snapshot.state.authority
    if any(one.text == text for one in authority.rebuttals):
        return
    if why := find_rebuttal_refusal(authority):
        raise Refusal(why)
    answer_by = find_local_date(snapshot.policy, now) + timedelta(days=snapshot.policy.suspension.rebuttal_answer_days)
    data = RebuttalFiledData(by=author.actor, text=text, answer_by=answer_by).to_json()
    fact_id = f"rebuttal:{case_id}:{authority.facts}:{len(authority.rebuttals)}"
    append_facts(session, case, [Fact(id=fact_id, kind=FactKind.REBUTTAL_FILED, at=now, data=data)], now)
    raise_flag(case, REBUTTAL_FILED, now)
    session.add(case)
    said = author.list_details()
    record_audit(
        session, now, author.actor, "authority.rebutted", case, author.reason, answer_by=answer_by.isoformat(), **said
    )


def settle_rebuttals(session: Session, case: Case, now: datetime) -> None:
    """Takes the flag about rebuttals down once nothing is open any more that they speak against."""
    if snapshot_case(session, case).state.authority.ordered_since is None:
        unflag_locked_case(session, case, REBUTTAL_FILED, now)


def end_terms(session: Session, case_id: str, now: datetime) -> AuthorityChanged:
    """Ends what has reached its last day: suspensions are over, and a termination of which notice was given happens.

    It may be asked any number of times: a termination that happened by its last day is answered again. A case that an
    appeal has opened again is terminated anew.
    """
    case = lock_case(session, case_id)
    snapshot = snapshot_case(session, case)
    authority, zone = snapshot.state.authority, find_time_zone(snapshot.policy)
    for suspension in authority.in_force:
        if suspension.until is not None and find_day_end(suspension.until, zone) <= now:
            _restore(session, case, suspension, TERM_OVER, now)
    termination, often = authority.termination, snapshot.state.reopened
    fact_id = f"{case_id}:terminated:{often}" if often else f"{case_id}:terminated"
    if termination is not None and find_day_end(termination.last_day, zone) <= now:
        data = EndingData(**termination.model_dump(include=_OF_NOTICE, exclude_none=True)).to_json()
        append_facts(session, case, [Fact(id=fact_id, kind=FactKind.TERMINATED, at=now, data=data)], now)
        void_activation_links(session, case_id, now)
        record_audit(
            session, now, SYSTEM, "case.terminated", case, termination.reason, last_day=str(termination.last_day)
        )
    snapshot = snapshot_case(session, case)
    ended = any(fact.id == fact_id for fact in snapshot.facts)
    return AuthorityChanged(
        authority=snapshot.take_authority_snapshot(), standing=snapshot.take_registration_snapshot(), ended=ended
    )


def _restore(session: Session, case: Case, suspension: Suspension, why: Reason, now: datetime) -> Fact:
    fact = build_restoration(suspension, CommandOrigin("", case.case_id, SYSTEM, "", now))
    append_facts(session, case, [fact], now)
    record_audit(session, now, SYSTEM, "authority.restored", case, why, suspension=suspension.suspension_id)
    settle_rebuttals(session, case, now)
    return fact
