"""The commands people give a case, by name; when each may be carried out is its program's to say."""

from enum import StrEnum

from domain.shared.reasons import Reason


class CommandKind(StrEnum):
    """What people can tell a case to do."""

    DECIDE = "decide"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    RESEND = "resend"
    ACTIVATE = "activate"
    SAVE_PROFILE = "save_profile"


# Why those are given that nobody gives a reason for; of every other command the reason is a person's words.
OWN_REASONS = {
    CommandKind.ACTIVATE: Reason("activation_link_used"),
    CommandKind.SAVE_PROFILE: Reason("profile_sent"),
}
