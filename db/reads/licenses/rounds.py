"""What the last licence round came to, and which letters about a licence's last day are due (E1)."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import any_policy_of, list_rows, load_case
from db.license_tables import LicenseRoundRow, WatchedLicense
from db.tables import Case, EffectRow, EvidenceRow
from domain.programs.policies import find_license_watch
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reminders import find_reminder
from domain.shared.cases.stages import ENDED
from domain.shared.licenses.watch import name_license_reminder
from domain.shared.policy import ProgramPolicy

LETTERS_A_PAGE = 200
REGISTRY = "registry"
# A registration may name three NPNs, and the newest answer need not be the person's own.
ANSWERS_LOOKED_AT = 3
# No policy reminds earlier.
EARLIEST = timedelta(days=366)


def read_last_round(session: Session) -> LicenseRoundRow | None:
    """The last round that came to its end; None before the first one."""
    newest = select(LicenseRoundRow).order_by(col(LicenseRoundRow.day).desc()).limit(1)
    return next(iter(list_rows(session, newest)), None)


def load_last_answers(session: Session, case_id: str) -> tuple[Case, ProgramPolicy, list[bytes]]:
    """A case with its policy, and what is kept of the registry's answers about it, the newest first."""
    case = load_case(session, case_id)
    ours = col(EvidenceRow.case_id) == case_id, col(EvidenceRow.source) == REGISTRY
    kept = select(col(EvidenceRow.raw)).where(*ours).order_by(col(EvidenceRow.at).desc()).limit(ANSWERS_LOOKED_AT)
    return case, any_policy_of(session, case), list_rows(session, kept)


def list_due_letters(session: Session, day: date, now: datetime, after: str) -> tuple[list[Letter], str]:
    """Reminders of licences' last days to send to a page of cases, and the case after which the next page begins.

    One that was sent is left out: of a last day each is sent once. Who is suspended for their licence was told.
    """
    columns: Any = select(
        col(WatchedLicense.case_id), col(WatchedLicense.expires_on), col(Case.program), col(Case.plan_year)
    ).join(Case, col(Case.case_id) == col(WatchedLicense.case_id))
    soon = col(WatchedLicense.expires_on).between(day, day + EARLIEST)
    able = col(WatchedLicense.suspension_id).is_(None), ~col(WatchedLicense.ended), col(Case.stage).not_in(ENDED)
    query = columns.where(soon, *able, col(WatchedLicense.case_id) > after).order_by(col(WatchedLicense.case_id))
    found = session.execute(query.limit(LETTERS_A_PAGE)).all()
    letters = []
    for case_id, expires_on, program, plan_year in found:
        before = find_reminder(find_license_watch(program, plan_year).remind_days_before, day, expires_on)
        if before is not None:
            about = name_license_reminder(expires_on, before)
            letters.append(Letter(case_id=case_id, at=now, notice=Notice.LICENSE_EXPIRING, about=about))
    keys = [letter.key for letter in letters]
    sent = select(col(EffectRow.key)).where(col(EffectRow.key).in_(keys), col(EffectRow.result).is_not(None))
    done = set(list_rows(session, sent))
    return [one for one in letters if one.key not in done], found[-1][0] if len(found) == LETTERS_A_PAGE else ""
