"""When a command may be carried out on a certification (A12–A14, A28), and why not."""

from domain.shared.commands import CommandKind
from domain.shared.notices import Notice
from domain.shared.reasons import Reason
from domain.shared.stages import Stage
from domain.state.certification import CertificationState, Completeness, EligibilityStatus, LmsAccount, PortalAccount
from domain.state.eligibility import Verdict, find_override_refusal


def find_refusal(
    kind: CommandKind,
    state: CertificationState,
    verdict: Verdict | None,
    override: str | None,
    notice: Notice | None,
) -> Reason | None:
    """Why a certification can't do this now; None when it can."""
    if kind is CommandKind.SAVE_PROFILE:
        return Reason("not_in_program")
    if kind is CommandKind.DECIDE and verdict is not None:
        return _find_decision_refusal(state, verdict, override)
    if kind is CommandKind.ANSWER and state.eligibility is not EligibilityStatus.INFORMATION_REQUESTED:
        return Reason("not_asked")
    if kind is CommandKind.RESEND and (notice is None or not is_sendable(notice, state)):
        return Reason("notice_not_sendable")
    return None


def _find_decision_refusal(state: CertificationState, verdict: Verdict, override: str | None) -> Reason | None:
    if state.eligibility in (EligibilityStatus.APPROVED, EligibilityStatus.DENIED) and state.decision:
        return Reason("already_decided", {"by": state.decision.by})
    if state.stage in (Stage.REQUESTED, Stage.SCREENING):
        return Reason("still_screening")
    if state.stage is Stage.AWAITING_INFORMATION and verdict is not Verdict.DENY:
        return Reason("awaiting_information")
    return find_override_refusal(verdict, state.findings, override)


def is_sendable(notice: Notice, state: CertificationState) -> bool:
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
