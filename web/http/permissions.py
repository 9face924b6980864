"""Who may: the roles of staff and what each is granted. When something may be done is decided in domain/."""

from collections.abc import Iterable
from enum import StrEnum


class StaffRole(StrEnum):
    """What somebody of staff is."""

    REVIEWER = "reviewer"
    APPEALS_REVIEWER = "appeals_reviewer"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What somebody may do, once it can be done."""

    READ_CASES = "read_cases"
    READ_FILES = "read_files"
    DECIDE = "decide"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    RESEND = "resend"
    BEGIN = "begin"
    RUN_SEASON = "run_season"
    IMPORT = "import"
    ACT_FOR_ASSISTER = "act_for_assister"
    RAISE_FLAG = "raise_flag"
    CLEAR_FLAG = "clear_flag"
    ADD_NOTE = "add_note"
    RESTART = "restart"
    PROVE_IDENTITY = "prove_identity"
    REORDER_CHECK = "reorder_check"
    REPEAT_CHECKS = "repeat_checks"
    CORRECT_NAME = "correct_name"
    SUSPEND = "suspend"
    LIFT = "lift"
    TERMINATE = "terminate"
    READ_APPEALS = "read_appeals"
    FILE_APPEAL = "file_appeal"
    DECIDE_APPEAL = "decide_appeal"
    EXPORT = "export"
    READ_WEBHOOKS = "read_webhooks"
    DELIVER = "deliver"
    READ_OPERATIONS = "read_operations"
    READ_ACCESS_LOG = "read_access_log"
    READ_SESSIONS = "read_sessions"
    END_SESSIONS = "end_sessions"


_P = Permission
_READS = frozenset({_P.READ_CASES, _P.READ_FILES, _P.READ_WEBHOOKS, _P.READ_APPEALS})

# An auditor reads everything and changes nothing. Who may not read every file reads those that need them:
# web/http/defence/file_access.py.
GRANTS: dict[StaffRole, frozenset[Permission]] = {
    StaffRole.REVIEWER: _READS
    | {
        _P.DECIDE,
        _P.WITHDRAW,
        _P.REVOKE,
        _P.RESEND,
        _P.BEGIN,
        _P.ACT_FOR_ASSISTER,
        _P.RAISE_FLAG,
        _P.CLEAR_FLAG,
        _P.ADD_NOTE,
        _P.EXPORT,
        _P.PROVE_IDENTITY,
        _P.REORDER_CHECK,
        _P.REPEAT_CHECKS,
        _P.CORRECT_NAME,
        _P.SUSPEND,
        _P.LIFT,
        _P.TERMINATE,
        _P.FILE_APPEAL,
    },
    StaffRole.APPEALS_REVIEWER: frozenset({_P.READ_CASES, _P.REVOKE, _P.RESEND, _P.CLEAR_FLAG, _P.ADD_NOTE})
    | {_P.SUSPEND, _P.LIFT, _P.TERMINATE}
    | {_P.READ_APPEALS, _P.FILE_APPEAL, _P.DECIDE_APPEAL},
    StaffRole.OPERATOR: frozenset({_P.READ_CASES, _P.READ_WEBHOOKS, _P.READ_SESSIONS, _P.END_SESSIONS})
    | {
        _P.READ_OPERATIONS,
        _P.RESEND,
        _P.BEGIN,
        _P.RUN_SEASON,
        _P.IMPORT,
        _P.CLEAR_FLAG,
        _P.ADD_NOTE,
        _P.RESTART,
        _P.DELIVER,
    },
    StaffRole.AUDITOR: _READS | {_P.EXPORT, _P.READ_OPERATIONS, _P.READ_ACCESS_LOG, _P.READ_SESSIONS},
}

DECIDERS = frozenset(role for role, granted in GRANTS.items() if Permission.DECIDE in granted)


def collect_permissions(roles: Iterable[StaffRole]) -> frozenset[Permission]:
    """Everything these roles may do together."""
    return frozenset().union(*(GRANTS[role] for role in roles))


def parse_roles(names: Iterable[str]) -> frozenset[StaffRole]:
    """The roles among these names; what is no role of ours is left out."""
    return frozenset(StaffRole(name) for name in names if name in set(StaffRole))
