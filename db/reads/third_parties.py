"""What third parties have said of a case: accounts, pages where one goes on, raw answers kept as evidence."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import list_rows, policy_of
from db.tables import Assister, Case, CertificateRow, EffectRow, EvidenceRow
from domain.shared.cases.stages import ENDED, WaitingFor
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.lms_statements import list_lms_activities

WAITS_FOR_LMS = (
    WaitingFor.LMS_INVITATION.value,
    WaitingFor.LMS_ACCOUNT.value,
    WaitingFor.LMS_PROFILE.value,
    WaitingFor.COURSE_COMPLETION.value,
    WaitingFor.EXAM_PASS.value,
)


@dataclass(frozen=True)
class Evidence:
    """A third party's raw answer that is kept; numbered from 1 within the case; ``round`` is a screening's."""

    number: int
    key: str
    source: str
    round: int | None
    at: datetime
    sha256: str
    size: int


@dataclass(frozen=True)
class PolledLearner:
    """Somebody in training whose LMS is asked: the case, their account's name there, and the plan year's activities."""

    case_id: str
    assister_id: str
    account: str | None
    activities: frozenset[str]


def list_polled_learners(session: Session, program: str, after: str, limit: int) -> list[PolledLearner]:
    """Those of the state's program who wait for what the LMS reports, a page of them after a case."""
    query = (
        select(Case, Assister)
        .join(Assister, col(Assister.assister_id) == col(Case.assister_id))
        .where(col(Case.program) == program, col(Case.case_id) > after, col(Case.waiting_for).in_(WAITS_FOR_LMS))
    )
    found = session.execute(query.order_by(col(Case.case_id)).limit(limit)).all()
    return [
        PolledLearner(
            case.case_id, person.assister_id, person.lms_account, list_lms_activities(policy_of(session, case))
        )
        for case, person in found
    ]


def find_lms_account(session: Session, assister_id: str) -> str | None:
    """The name of the person's account in the LMS, if there is one."""
    return session.get_one(Assister, assister_id).lms_account


def find_portal_account(session: Session, case_id: str) -> str | None:
    """The portal's id of the account that was set up for this case."""
    kind = col(EffectRow.kind) == "portal.account_created"
    found = list_rows(session, select(EffectRow).where(col(EffectRow.case_id) == case_id, kind))
    return next((row.external_id for row in found), None)


def find_reusable_portal_account(session: Session, case_id: str) -> str | None:
    """The id by which the portal knows this person's account: the case that used it last, or an imported id."""
    case = session.get_one(Case, case_id)
    return session.get_one(Assister, case.assister_id).portal_account


def find_account_to_suspend(session: Session, case_id: str) -> str | None:
    """The case under which the portal knows this person's account; None while another year's case needs it (C6)."""
    case = session.get_one(Case, case_id)
    others = list_rows(
        session,
        select(col(Case.case_id))
        .join(CertificateRow, col(CertificateRow.case_id) == col(Case.case_id))
        .where(
            col(Case.assister_id) == case.assister_id,
            col(Case.program) == case.program,
            col(Case.case_id) != case_id,
            col(Case.stage).not_in(ENDED),
        ),
    )
    person = session.get_one(Assister, case.assister_id)
    return None if others else person.portal_account or case_id


def find_lms_url(session: Session, case_id: str) -> str | None:
    """The page where this learner goes on, once the LMS has said so."""
    return _find_url(session, case_id, "training.invited", "training.enrolled")


def find_mlms_url(session: Session, case_id: str, curriculum: str) -> str | None:
    """The page of the MLMS where this curriculum is taken, once the MLMS has said so."""
    return _find_url(session, case_id, f"mlms.enrolled.{curriculum}")


def read_mlms_urls(session: Session, case_id: str) -> dict[str, str]:
    """Where a registration's courses in the MLMS go on, by curriculum, once the MLMS has said so (B4)."""
    enrolled = col(EffectRow.kind).like("mlms.enrolled.%")
    found = list_rows(session, select(EffectRow).where(col(EffectRow.case_id) == case_id, enrolled))
    return {row.kind.rpartition(".")[2]: str(row.result["url"]) for row in found if row.result}


def _find_url(session: Session, case_id: str, *kinds: str) -> str | None:
    query = select(EffectRow).where(col(EffectRow.case_id) == case_id, col(EffectRow.kind).in_(kinds))
    return next((str(row.result["url"]) for row in list_rows(session, query) if row.result), None)


def find_evidence(session: Session, key: str) -> bytes | None:
    """A third party's raw answer kept under this key (case, source, round), if there is one."""
    row = session.get(EvidenceRow, key)
    return row.raw if row else None


def find_evidence_of_case(session: Session, case_id: str, key: str) -> EvidenceRow | None:
    """A third party's raw answer; None where it is another case's, or there is none of this key."""
    row = session.get(EvidenceRow, key)
    return row if row is not None and row.case_id == case_id else None


def list_evidence(session: Session, case: Case) -> list[Evidence]:
    """The raw answers kept of a case, without their bytes, which may be many."""
    columns = [getattr(EvidenceRow, name) for name in ("key", "source", "at", "sha256")]
    query: Any = select(*columns, func.length(col(EvidenceRow.raw)))
    ours = query.where(col(EvidenceRow.case_id) == case.case_id).order_by(col(EvidenceRow.at), col(EvidenceRow.key))
    found = session.execute(ours)
    return [
        Evidence(number, key, source, _find_round(case, key), at, sha256, size)
        for number, (key, source, at, sha256, size) in enumerate(found, 1)
    ]


def _find_round(case: Case, key: str) -> int | None:
    """The screening whose look-up it was; the federal program's are of profiles, by their hash."""
    last = key.rpartition(":")[2]
    return int(last) if case.program != FEDERAL_PROGRAM and last.isdigit() else None
