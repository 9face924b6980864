"""The commands people give a case, by name; when each may be carried out is its program's to say."""

from enum import StrEnum


class CommandKind(StrEnum):
    """What people can tell a case to do."""

    DECIDE = "decide"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    RESEND = "resend"
    ACTIVATE = "activate"
    SAVE_PROFILE = "save_profile"
