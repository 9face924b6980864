"""Letters about to be sent: the effect's intent together with the links the letter carries, in one transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.case_state import CaseSnapshot, snapshot_case
from db.writes.effects import EffectResult, Intent, complete_effect, intend_effect
from db.writes.facts import lock_case
from db.writes.links import keep_link
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import DEADLINE_NOTICES, SENT_AFTER_END, Notice
from domain.shared.cases.reminders import find_wait_reminded_of
from domain.state.training_deadline import is_due_still


def intend_letter(session: Session, letter: Letter, tokens: Mapping[str, str], now: datetime) -> Intent | None:
    """Writes down a letter before it is sent, and keeps the links it carries: ``tokens``, by their purpose.

    None where what a reminder or a letter about a deadline is about was done meanwhile. Also where a link of the letter
    can't be used any more, since a newer letter has come before it, where a notice before a denial is of nothing that
    is open any more, and where a question was taken back before its letter was sent, or asked anew before it was said
    that it is taken back: it is recorded as not sent. Until the letter is sent, each attempt has links of its own:
    their days run from the sending, since the mail server may have been down for longer than that.
    """
    notice = Notice(letter.notice)
    case = lock_case(session, letter.case_id)
    if notice is Notice.REMINDER and case.waiting_for != find_wait_reminded_of(letter.about):
        return None
    if notice in DEADLINE_NOTICES and not _is_due_still(notice, letter, snapshot_case(session, case)):
        return None
    intent = intend_effect(
        session, letter.key, letter.case_id, f"notice.{notice}", {}, now, after_end=notice in SENT_AFTER_END
    )
    if not intent.ended and intent.result is None:
        if _is_overtaken(notice, intent.snapshot):
            _give_up(session, letter, now)
            return None
        expires_at = find_activation_expiry(intent.snapshot, now) if tokens else now
        kept = [
            keep_link(session, token, letter.case_id, purpose, letter.key, now, expires_at)
            for purpose, token in tokens.items()
        ]
        if not all(kept):
            _give_up(session, letter, now)
            return None
    return intent


def _is_overtaken(notice: Notice, snapshot: CaseSnapshot) -> bool:
    """Whether what a notice says was over before it was sent."""
    if notice is Notice.ADVERSE_ACTION_BEGUN:
        action = snapshot.certification.adverse_action
        return action is None or not action.is_open
    if notice is Notice.INFORMATION_NEEDED:
        return snapshot.certification.taken_back is not None
    return notice is Notice.QUESTION_TAKEN_BACK and snapshot.certification.taken_back is None


def _give_up(session: Session, letter: Letter, now: datetime) -> None:
    overtaken = EffectResult({"notice": letter.notice, "overtaken": True})
    complete_effect(session, letter.key, letter.case_id, overtaken, now)


def _is_due_still(notice: Notice, letter: Letter, snapshot: CaseSnapshot) -> bool:
    """Whether what a letter about a training deadline says is true now (E14)."""
    state = snapshot.certification
    if notice is Notice.TRAINING_DUE:
        return is_due_still(letter.about, state, snapshot.state_policy)
    if notice is Notice.TRAINING_LAPSED:
        return state.is_lapsed
    return state.lapse is not None and not state.lapse.is_open


def find_activation_expiry(snapshot: CaseSnapshot, sent_at: datetime) -> datetime:
    """Until when an activation link lives that is sent now, by the policy of its case."""
    return sent_at + timedelta(days=snapshot.state_policy.activation_link_days)
