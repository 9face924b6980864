"""Commands people give a case, and when each may be carried out; who may is not decided here."""

from enum import StrEnum

from domain.federal.registration import NpnStatus, RegistrationState
from domain.shared.notices import Notice
from domain.shared.reasons import sentence
from domain.state.certification import CaseState, Completeness, EligibilityStatus, LmsAccount, PortalAccount, Stage
from domain.state.eligibility import Verdict, refusals


class CommandKind(StrEnum):
    """What people can tell a case to do."""

    DECIDE = "decide"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    RESEND = "resend"
    ACTIVATE = "activate"
    SAVE_PROFILE = "save_profile"


def refusal(
    kind: CommandKind,
    state: CaseState | RegistrationState,
    verdict: Verdict | None = None,
    override: str | None = None,
    notice: Notice | None = None,
) -> str | None:
    """Why the case can't do this now, as a sentence; None when it can. The workflow's validator has the last word."""
    if state.ended:
        return sentence("case_ended", stage=state.stage.value)
    if isinstance(state, RegistrationState):
        return _registration_refusal(kind, state, notice)
    if kind is CommandKind.SAVE_PROFILE:
        return sentence("not_in_program")
    if kind is CommandKind.DECIDE and verdict is not None:
        return _decision_refusal(state, verdict, override)
    if kind is CommandKind.ANSWER and state.eligibility is not EligibilityStatus.INFORMATION_REQUESTED:
        return sentence("not_asked")
    if kind is CommandKind.RESEND and (notice is None or not sendable(notice, state)):
        return sentence("notice_not_sendable")
    return None


def _decision_refusal(state: CaseState, verdict: Verdict, override: str | None) -> str | None:
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) and state.decision:
        return sentence("already_decided", by=state.decision.by)
    if state.stage in (Stage.REQUESTED, Stage.SCREENING):
        return sentence("still_screening")
    if state.stage is Stage.AWAITING_INFORMATION and verdict is not Verdict.DENY:
        return sentence("awaiting_information")
    return next(iter(refusals(verdict, state.findings, override)), None)


def _registration_refusal(kind: CommandKind, state: RegistrationState, notice: Notice | None) -> str | None:
    """The federal program decides nothing about eligibility; it is withdrawn, revoked, and its notices sent again."""
    if kind in (CommandKind.DECIDE, CommandKind.ANSWER, CommandKind.ACTIVATE):
        return sentence("not_in_program")
    if kind is CommandKind.RESEND and not (notice and _sendable_in_marketplace(notice, state)):
        return sentence("notice_not_sendable")
    return None


def _sendable_in_marketplace(notice: Notice, state: RegistrationState) -> bool:
    automatic = any(one.automatic for one in state.enrollments)
    allowed = {
        Notice.MARKETPLACE_WELCOME: True,
        Notice.PORTAL_RECOVERY: True,
        Notice.MARKETPLACE_PROFILE_NPN: state.profile.npn is NpnStatus.REFUSED,
        Notice.MARKETPLACE_ENROLLED: automatic and not state.trained_at,
        Notice.MARKETPLACE_CERTIFICATE: bool(state.certificates),
        Notice.MARKETPLACE_ACTIVE: state.stage is Stage.ACTIVE,
    }
    return allowed.get(notice, False)


def sendable(notice: Notice, state: CaseState) -> bool:
    """Whether a notice may be sent again at this point: what it says must be true now."""
    opened = state.lms_account is not LmsAccount.NONE
    enrolled = state.lms_profile is Completeness.COMPLETE
    existing_account = state.opening.has_lms_account
    allowed = {
        Notice.REQUEST_RECEIVED: True,
        Notice.INFORMATION_NEEDED: state.stage is Stage.AWAITING_INFORMATION,
        Notice.LMS_INVITATION: opened and not existing_account and state.certificate is None,
        Notice.LMS_ENROLLED: enrolled and existing_account and state.certificate is None,
        Notice.CERTIFICATE_ISSUED: state.certificate is not None,
        Notice.PORTAL_ACTIVATION: state.portal_account is PortalAccount.CREATED,
        Notice.ACTIVE: state.stage is Stage.ACTIVE,
    }
    return allowed.get(notice, False)
