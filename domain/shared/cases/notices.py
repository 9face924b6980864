"""The notices (e-mails) an assister gets and whose contact each one shows; not their words, which are templates."""

from enum import StrEnum


class Topic(StrEnum):
    """What an e-mail or a page is about: it decides the one contact shown there (A31)."""

    GENERAL = "general"
    PORTALS = "portals"
    TRAINING = "training"


class Notice(StrEnum):
    """A notice's name is the stem of its templates in templates/notices/."""

    REQUEST_RECEIVED = "request_received"
    INFORMATION_NEEDED = "information_needed"
    QUESTION_TAKEN_BACK = "question_taken_back"
    LMS_INVITATION = "lms_invitation"
    LMS_ENROLLED = "lms_enrolled"
    DENIED = "denied"
    CERTIFICATE_ISSUED = "certificate_issued"
    PORTAL_ACTIVATION = "portal_activation"
    ACTIVE = "active"
    REMINDER = "reminder"
    TRAINING_DUE = "training_due"
    TRAINING_LAPSED = "training_lapsed"
    TRAINING_REACTIVATED = "training_reactivated"
    MARKETPLACE_WELCOME = "marketplace_welcome"
    MARKETPLACE_PROFILE_NPN = "marketplace_profile_npn"
    MARKETPLACE_ENROLLED = "marketplace_enrolled"
    MARKETPLACE_CERTIFICATE = "marketplace_certificate"
    MARKETPLACE_ACTIVE = "marketplace_active"
    PORTAL_RECOVERY = "portal_recovery"
    HELP_DESK = "help_desk"
    LICENSE_EXPIRING = "license_expiring"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    AUTHORITY_SUSPENDED = "authority_suspended"
    AUTHORITY_RESTORED = "authority_restored"
    TERMINATION_NOTICED = "termination_noticed"
    TERMINATION_TAKEN_BACK = "termination_taken_back"
    TERMINATED = "terminated"
    CLOSED = "closed"
    CERTIFICATE_CORRECTED = "certificate_corrected"
    APPEAL_FILED = "appeal_filed"
    APPEAL_ESCALATED = "appeal_escalated"
    APPEAL_DECIDED = "appeal_decided"
    ADVERSE_ACTION_BEGUN = "adverse_action_begun"
    ADVERSE_ACTION_CANCELED = "adverse_action_canceled"
    ADVERSE_ACTION_FINAL = "adverse_action_final"


# What says that a case has ended: they are sent all the same.
FAREWELLS = frozenset({Notice.DENIED, Notice.WITHDRAWN, Notice.REVOKED, Notice.TERMINATED, Notice.CLOSED})
# What tells a decision that can be appealed: they say until when.
APPEALABLE_NOTICES = frozenset(
    {Notice.DENIED, Notice.REVOKED, Notice.TERMINATED, Notice.AUTHORITY_SUSPENDED, Notice.ADVERSE_ACTION_FINAL}
)
# What is about an appeal, which follows the end.
ABOUT_APPEALS = frozenset({Notice.APPEAL_FILED, Notice.APPEAL_ESCALATED, Notice.APPEAL_DECIDED})
SENT_AFTER_END = FAREWELLS | ABOUT_APPEALS | {Notice.ADVERSE_ACTION_FINAL}
# What is about a denial that rests on a background report.
ABOUT_ADVERSE_ACTIONS = frozenset(
    {Notice.ADVERSE_ACTION_BEGUN, Notice.ADVERSE_ACTION_CANCELED, Notice.ADVERSE_ACTION_FINAL}
)
# What a change of the authority comes with.
AUTHORITY_NOTICES = frozenset(
    {
        Notice.AUTHORITY_SUSPENDED,
        Notice.AUTHORITY_RESTORED,
        Notice.TERMINATION_NOTICED,
        Notice.TERMINATION_TAKEN_BACK,
    }
)

# What a training deadline comes with.
DEADLINE_NOTICES = frozenset({Notice.TRAINING_DUE, Notice.TRAINING_LAPSED, Notice.TRAINING_REACTIVATED})

# Every notice but the reminder, which is about what is waited for.
TOPIC: dict[Notice, Topic] = {
    Notice.REQUEST_RECEIVED: Topic.GENERAL,
    Notice.INFORMATION_NEEDED: Topic.GENERAL,
    Notice.QUESTION_TAKEN_BACK: Topic.GENERAL,
    Notice.LMS_INVITATION: Topic.TRAINING,
    Notice.LMS_ENROLLED: Topic.TRAINING,
    Notice.DENIED: Topic.GENERAL,
    Notice.CERTIFICATE_ISSUED: Topic.PORTALS,
    Notice.PORTAL_ACTIVATION: Topic.PORTALS,
    Notice.ACTIVE: Topic.GENERAL,
    Notice.TRAINING_DUE: Topic.TRAINING,
    Notice.TRAINING_LAPSED: Topic.TRAINING,
    Notice.TRAINING_REACTIVATED: Topic.TRAINING,
    Notice.MARKETPLACE_WELCOME: Topic.TRAINING,
    Notice.MARKETPLACE_PROFILE_NPN: Topic.TRAINING,
    Notice.MARKETPLACE_ENROLLED: Topic.TRAINING,
    Notice.MARKETPLACE_CERTIFICATE: Topic.TRAINING,
    Notice.MARKETPLACE_ACTIVE: Topic.TRAINING,
    Notice.PORTAL_RECOVERY: Topic.TRAINING,
    Notice.HELP_DESK: Topic.TRAINING,
    Notice.LICENSE_EXPIRING: Topic.GENERAL,
    Notice.WITHDRAWN: Topic.GENERAL,
    Notice.REVOKED: Topic.GENERAL,
    Notice.AUTHORITY_SUSPENDED: Topic.GENERAL,
    Notice.AUTHORITY_RESTORED: Topic.GENERAL,
    Notice.TERMINATION_NOTICED: Topic.GENERAL,
    Notice.TERMINATION_TAKEN_BACK: Topic.GENERAL,
    Notice.TERMINATED: Topic.GENERAL,
    Notice.CLOSED: Topic.GENERAL,
    Notice.CERTIFICATE_CORRECTED: Topic.GENERAL,
    Notice.APPEAL_FILED: Topic.GENERAL,
    Notice.APPEAL_ESCALATED: Topic.GENERAL,
    Notice.APPEAL_DECIDED: Topic.GENERAL,
    Notice.ADVERSE_ACTION_BEGUN: Topic.GENERAL,
    Notice.ADVERSE_ACTION_CANCELED: Topic.GENERAL,
    Notice.ADVERSE_ACTION_FINAL: Topic.GENERAL,
}

# By the values of WaitingFor.
TOPIC_OF_WAITING: dict[str, Topic] = {
    "screening": Topic.GENERAL,
    "background_check": Topic.GENERAL,
    "decision": Topic.GENERAL,
    "information": Topic.GENERAL,
    "lms_invitation": Topic.TRAINING,
    "lms_account": Topic.TRAINING,
    "lms_profile": Topic.TRAINING,
    "course_completion": Topic.TRAINING,
    "exam_pass": Topic.TRAINING,
    "certificate": Topic.GENERAL,
    "portal_registration": Topic.PORTALS,
    "portal_account": Topic.PORTALS,
    "portal_activation": Topic.PORTALS,
    "portal_profile": Topic.PORTALS,
    "scheduling_tool": Topic.PORTALS,
    "marketplace_profile": Topic.TRAINING,
    "npn_verification": Topic.TRAINING,
    "npn_proof": Topic.GENERAL,
    "marketplace_training": Topic.TRAINING,
    "marketplace_agreements": Topic.TRAINING,
    "publication": Topic.GENERAL,
    "next_plan_year": Topic.GENERAL,
    "restoration": Topic.GENERAL,
    "appeal_decision": Topic.GENERAL,
}


def find_topic(notice: str, waiting_for: str | None = None) -> Topic:
    """The topic of a notice; a reminder's is that of what is waited for, general if that is nothing in particular."""
    if notice == Notice.REMINDER:
        return TOPIC_OF_WAITING.get(waiting_for, Topic.GENERAL) if waiting_for else Topic.GENERAL
    return TOPIC[Notice(notice)]
