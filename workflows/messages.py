"""Names of the certification workflow's signals, updates and query; their models live in `domain.messages`."""

WORKFLOW = "AssisterCertification"
DAILY_ROUND = "DailyRound"

LMS_REPORTED = "lms_reported"
BACKGROUND_CHECK_REPORTED = "background_check_reported"
PORTAL_REPORTED = "portal_reported"
DECIDED = "decided"
WITHDRAWN = "withdrawn"
REVOKED = "revoked"

DECIDE = "decide"
ANSWER = "answer"
WITHDRAW = "withdraw"
REVOKE = "revoke"
RESEND = "resend"
ACTIVATE = "activate"

PROGRESS = "progress"

SIGNAL_OF_SOURCE = {
    "lms": LMS_REPORTED,
    "background-checks": BACKGROUND_CHECK_REPORTED,
    "portal": PORTAL_REPORTED,
}
