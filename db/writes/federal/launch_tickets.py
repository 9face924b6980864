"""Enrolments in courses, and the launch tickets that open a vendor's site for one of them (B11–B14)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, federal_policy_of
from db.tables import Case, TicketRow
from db.writes.facts import append_facts, lock_case, record_audit
from db.writes.federal.steps import RecordedStep, lock_open_registration, record_step, require_step
from domain.federal.facts import CourseData
from domain.federal.markets import Curriculum
from domain.federal.opening import build_enrollment_fact
from domain.federal.steps import find_channel_fault, find_enrollment_refusal, find_launch_refusal
from domain.shared.cases.authors import StepAuthor
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.stages import ENDED
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import hash_token, name_sender_actor


class UnusableTicket(Exception):
    """A launch ticket can't be used; the fault says why (B14)."""

    def __init__(self, code: str) -> None:
        self.fault = Fault("ticket", code)
        super().__init__(code)


@dataclass(frozen=True)
class RedeemedTicket:
    """What a vendor learns from a launch ticket: no personal data (B14)."""

    learner: str
    curriculum: str
    language: str
    plan_year: int


def enroll_in_course(
    session: Session, case_id: str, curriculum: Curriculum, channel: str, author: StepAuthor, now: datetime
) -> RecordedStep:
    """Enrols in a course, in the MLMS or at an approved vendor; once each (B11, B13).

    Raises `Invalid` for a vendor that isn't approved for it, `Refusal` for the short course without returning.
    """
    case, state = lock_open_registration(session, case_id)
    if fault := find_channel_fault(federal_policy_of(session, case), curriculum, channel):
        raise Invalid([fault])
    require_step(find_enrollment_refusal(state, curriculum))
    fact = build_enrollment_fact(case_id, curriculum, channel, False, now)
    return record_step(session, case, fact, author, "training.enrolled", now, **fact.data)


def keep_launch_ticket(
    session: Session,
    case_id: str,
    curriculum: Curriculum,
    channel: str,
    token: str,
    author: StepAuthor,
    now: datetime,
) -> datetime:
    """Keeps a launch ticket by its hash, and answers when it expires (B14).

    Raises `Refusal` when not enrolled, or when there are too many unused tickets.
    """
    case, state = lock_open_registration(session, case_id)
    policy = federal_policy_of(session, case)
    require_step(find_launch_refusal(state, policy, curriculum, channel, _count_unused(session, case, now)))
    expires_at = now + timedelta(minutes=policy.launch_ticket_minutes)
    digest = hash_token(token)
    session.add(
        TicketRow(
            token_hash=digest,
            case_id=case_id,
            vendor=channel,
            curriculum=curriculum,
            created_at=now,
            expires_at=expires_at,
        )
    )
    data = CourseData(curriculum=curriculum, channel=channel).to_json()
    append_facts(session, case, [Fact(id=f"{case_id}:launch:{digest}", kind=FactKind.LAUNCHED, at=now, data=data)], now)
    record_audit(session, now, author.actor, "training.launched", case, author.reason, **data, **author.list_details())
    return expires_at


def redeem_launch_ticket(session: Session, vendor: str, token: str, now: datetime) -> RedeemedTicket:
    """Uses a launch ticket up, for its vendor only (B14). Raises `UnusableTicket` saying why it can't be used."""
    ticket = session.get(TicketRow, hash_token(token))
    if ticket is None or ticket.vendor != vendor:
        raise UnusableTicket("ticket_unknown")
    case = lock_case(session, ticket.case_id)
    session.refresh(ticket)  # of two who bring it at once the second finds it used
    if case.stage in ENDED:
        raise UnusableTicket("ticket_unknown")
    if ticket.redeemed_at is not None:
        raise UnusableTicket("ticket_used")
    if ticket.expires_at <= now:
        raise UnusableTicket("ticket_expired")
    ticket.redeemed_at = now
    session.add(ticket)
    data = CourseData(curriculum=Curriculum(ticket.curriculum), channel=vendor).to_json()
    started = Fact(id=f"started:{ticket.token_hash}", kind=FactKind.COURSE_STARTED, at=now, data=data)
    append_facts(session, case, [started], now)
    record_audit(session, now, name_sender_actor(vendor), "training.ticket_redeemed", case, **data)
    return RedeemedTicket(
        learner=ticket.token_hash[:32],
        curriculum=ticket.curriculum,
        language=applicant_of(case).language,
        plan_year=case.plan_year,
    )


def _count_unused(session: Session, case: Case, now: datetime) -> int:
    """How many launch tickets of a registration could still be used."""
    ours = col(TicketRow.case_id) == case.case_id, col(TicketRow.redeemed_at).is_(None), col(TicketRow.expires_at) > now
    found = session.execute(select(func.count()).select_from(TicketRow).where(*ours))
    return int(found.scalar_one())
