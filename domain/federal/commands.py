"""When a command may be carried out on a federal registration, and why not."""

from domain.federal.markets import NpnStatus
from domain.federal.registration import RegistrationState
from domain.shared.cases.commands import CommandData, MoveRules, ResendNotice, Revoke, SaveProfile, Withdraw
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage


def find_refusal(command: CommandData, state: RegistrationState) -> Reason | None:
    """The federal program decides nothing about eligibility; it is withdrawn, revoked, and moved to other rules."""
    match command:
        case ResendNotice():
            return None if _is_sendable(command.notice, state) else Reason("notice_not_sendable")
        case Withdraw() | Revoke() | SaveProfile() | MoveRules():
            return None
    return Reason("not_in_program")


def _is_sendable(notice: Notice, state: RegistrationState) -> bool:
    automatic = any(one.automatic for one in state.enrollments)
    allowed = {
        Notice.MARKETPLACE_WELCOME: True,
        Notice.PORTAL_RECOVERY: True,
        Notice.MARKETPLACE_PROFILE_NPN: state.profile.npn is NpnStatus.REFUSED,
        Notice.MARKETPLACE_ENROLLED: automatic and not state.trained_at,
        Notice.MARKETPLACE_CERTIFICATE: bool(state.certificates),
        Notice.MARKETPLACE_ACTIVE: state.stage is Stage.ACTIVE,
        Notice.AUTHORITY_SUSPENDED: state.authority.is_suspended,
        Notice.TERMINATION_NOTICED: state.authority.termination is not None,
    }
    return allowed.get(notice, False)
