"""When a command may be carried out on a certification (A12–A14, A28), and why not."""

from domain.shared.commands import CommandKind
from domain.shared.notices import Notice
from domain.shared.reasons import sentence
from domain.shared.stages import Stage
from domain.state.certification import CaseState, Completeness, EligibilityStatus, LmsAccount, PortalAccount
from domain.state.eligibility import Verdict, refusals


def find_refusal(
    kind: CommandKind,
    state: CaseState,
    verdict: Verdict | None,
    override: str | None,
    notice: Notice | None,
) -> str | None:
    """Why a certification can't do this now, as a sentence; None when it can."""
    if kind is CommandKind.SAVE_PROFILE:
        return sentence("not_in_program")
    if kind is CommandKind.DECIDE and verdict is not None:
        return _decision_refusal(state, verdict, override)
    if kind is CommandKind.ANSWER and state.eligibility is not EligibilityStatus.INFORMATION_REQUESTED:
        return sentence("not_asked")
    if kind is CommandKind.RESEND and (notice is None or not is_sendable(notice, state)):
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


def is_sendable(notice: Notice, state: CaseState) -> bool:
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
