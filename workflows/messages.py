"""Names of the workflows' signals, updates and query; their models live in `domain.shared.cases.messages`."""

from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM

WORKFLOW = "AssisterCertification"
REGISTRATION = "MarketplaceRegistration"
DAILY_ROUND = "DailyRound"
DAILY_PUBLICATION = "DailyPublication"
RECONCILIATION = "Reconciliation"
LMS_POLLING = "LmsPolling"
REPORT_REQUESTS = "ReportRequests"
SEASON = "Season"
APPEAL = "Appeal"
ADVERSE_ACTION = "AdverseAction"
LICENSE_ROUND = "LicenseRound"

WORKFLOW_OF_PROGRAM = {STATE_PROGRAM: WORKFLOW, FEDERAL_PROGRAM: REGISTRATION}

LMS_REPORTED = "lms_reported"
BACKGROUND_CHECK_REPORTED = "background_check_reported"
PORTAL_REPORTED = "portal_reported"
ASSISTER_ACTED = "assister_acted"
VENDOR_REPORTED = "vendor_reported"
DECIDED = "decided"
WITHDRAWN = "withdrawn"
REVOKED = "revoked"
AUTHORITY_CHANGED = "authority_changed"

DECIDE = "decide"
ANSWER = "answer"
TAKE_QUESTION_BACK = "take_question_back"
WITHDRAW = "withdraw"
REVOKE = "revoke"
RESEND = "resend"
ACTIVATE = "activate"
SAVE_PROFILE = "save_profile"
REORDER_CHECK = "reorder_check"
SUSPEND = "suspend"
LIFT = "lift"
GIVE_NOTICE = "give_notice"
TERMINATE = "terminate"
MOVE_RULES = "move_rules"
BEGIN_ADVERSE_ACTION = "begin_adverse_action"
DISPUTE_CHECK = "dispute_check"
END_DISPUTE = "end_dispute"
CORRECT = "correct"
REPEAT_CHECKS = "repeat_checks"

PAUSE = "pause"
RESUME = "resume"
CANCEL = "cancel"

PROGRESS = "progress"

APPEAL_CHANGED = "appeal_changed"
ADVERSE_ACTION_CHANGED = "adverse_action_changed"

REFUSED = "refused"  # the type of the failure by which an update is refused
CUT_OFF = "cut_off"  # of one whose run was renewed before its command was applied: it is to be sent again

SIGNAL_OF_SOURCE = {
    "lms": LMS_REPORTED,
    "background-checks": BACKGROUND_CHECK_REPORTED,
    "portal": PORTAL_REPORTED,
    "vendors": VENDOR_REPORTED,
    "assister": ASSISTER_ACTED,
    # A proof of whose NPN it is: both programs take it as they take a report of the training's end.
    "staff": LMS_REPORTED,
    "authority": AUTHORITY_CHANGED,
}
