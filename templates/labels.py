"""What a reader calls the values of the enumerations: English here, marked for the catalogs; no sentences."""

from collections.abc import Callable
from functools import partial
from gettext import NullTranslations

from templates import staff_labels as staff
from templates.catalogs import N_, translate
from templates.exchange import STATE_PROGRAM

Labels = dict[str, str]

KINDS: Labels = {
    "agent": N_("Agent"),
    "broker": N_("Broker"),
    "enrollment_counselor": N_("Enrollment counselor"),
    "marketplace_agent_broker": N_("Marketplace Agent Broker"),
    "not_an_agent_broker": N_("Not an Agent Broker"),
}

PROGRAMS: Labels = {
    STATE_PROGRAM: N_("[exchange], [state]"),
    "ffm": N_("Federally-facilitated Marketplace"),
}

# Where there is little room.
PROGRAMS_IN_SHORT: Labels = {STATE_PROGRAM: N_("[state]"), "ffm": N_("Federal program")}

STAGES: Labels = {
    "requested": N_("Request received"),
    "screening": N_("Request being checked"),
    "awaiting_background_check": N_("Background check under way"),
    "awaiting_decision": N_("Being reviewed by our staff"),
    "awaiting_information": N_("Waiting for your answer"),
    "awaiting_profile": N_("MLMS profile to be completed"),
    "invited": N_("Invited to the training"),
    "in_training": N_("In training"),
    "awaiting_exam_pass": N_("Final exam to be passed"),
    "awaiting_agreements": N_("Agreements to be accepted"),
    "certified": N_("Certificate issued"),
    "portal_setup": N_("Portal being set up"),
    "active": N_("Active"),
    "suspended": N_("Suspended"),
    "under_appeal": N_("Under appeal"),
    "lapsed": N_("Training lapsed"),
    "denied": N_("Denied"),
    "withdrawn": N_("Withdrawn"),
    "revoked": N_("Revoked"),
    "terminated": N_("Terminated"),
    "closed": N_("Closed"),
}

WAITING_FOR: Labels = {
    "screening": N_("Check of the request"),
    "background_check": N_("Result of the background check"),
    "decision": N_("Decision of our staff"),
    "information": N_("Your answer"),
    "lms_invitation": N_("Invitation to the training"),
    "lms_account": N_("LMS account"),
    "lms_profile": N_("LMS profile"),
    "course_completion": N_("Training course"),
    "exam_pass": N_("Final exam"),
    "certificate": N_("Certificate"),
    "portal_registration": N_("Registration on the Broker Portal"),
    "portal_account": N_("Assister Portal account"),
    "portal_activation": N_("Activation of the Assister Portal account"),
    "portal_profile": N_("Portal profile"),
    "scheduling_tool": N_("Scheduling Tool"),
    "marketplace_profile": N_("MLMS profile"),
    "npn_verification": N_("Check of the National Producer Number (NPN)"),
    "npn_proof": N_("Proof of whose the National Producer Number (NPN) is"),
    "marketplace_training": N_("Marketplace training"),
    "marketplace_agreements": N_("Agreements with the Marketplace"),
    "publication": N_("Listing in the Registration Tracker, the RCL and Find Local Help"),
    "next_plan_year": N_("Next plan year"),
    "restoration": N_("End of the suspension"),
    "appeal_decision": N_("Decision on the appeal"),
}

MARKETS: Labels = {
    "individual": N_("Individual Market"),
    "shop": N_("Small Business Health Options Program (SHOP)"),
}

CURRICULA: Labels = {
    "individual_returning": N_("Marketplace training for returning agents and brokers"),
    "individual_full": N_("Full Individual Market training"),
    "shop": N_("SHOP curriculum"),
}

AGREEMENTS: Labels = {
    "individual_general": N_("Individual Marketplace General Agreement"),
    "individual_privacy_security": N_("Individual Marketplace Privacy and Security Agreement"),
    "shop_privacy_security": N_("SHOP Privacy and Security Agreement"),
}

# The fields of requests and profiles.
FIELDS: Labels = {
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "email": N_("E-mail address"),
    "phone": N_("Phone number"),
    "language": N_("Language"),
    "addressed_as": N_("Form of address in Spanish"),
    "kind": N_("Kind"),
    "npn": N_("National Producer Number (NPN)"),
    "license_number": N_("License number"),
    "license_state": N_("State of the license"),
    "insurers": N_("Insurance companies"),
    "business_address": N_("Business address"),
    "physical_address": N_("Physical address"),
    "employer": N_("Employer"),
    "background_check_consent": N_("Consent to the background check"),
    "agreement_accepted": N_("Agreement"),
    "role": N_("Role"),
    "markets": N_("Markets"),
    "business_npn": N_("NPN of the business"),
    "web_entity_npn": N_("NPN of the web-based entity"),
    "business_contact": N_("Business contact"),
    "professional_contact": N_("Professional contact"),
}

# What an assister is asked about, as the form of the answer calls it.
ASKED_FIELDS: Labels = {
    **FIELDS,
    "license_number": N_("[state] license number"),
    "insurers": N_("Insurance companies you represent"),
}

# What staff call it, where that is not what the assister is told.
STAFF_STAGES: Labels = {
    **STAGES,
    "screening": N_("Being screened"),
    "awaiting_background_check": N_("Waits for the background check"),
    "awaiting_decision": N_("Waits for a decision"),
    "awaiting_information": N_("Waits for the assister's answer"),
    "awaiting_profile": N_("Waits for the MLMS profile"),
    "awaiting_exam_pass": N_("Waits for a passed exam"),
    "awaiting_agreements": N_("Waits for the agreements"),
}
STAFF_AWAITED: Labels = {
    **WAITING_FOR,
    "screening": N_("Screening"),
    "decision": N_("Staff decision"),
    "information": N_("The assister's answer"),
}

# Why staff should look at a case: to decide, or the flag that is up.
REASONS_TO_LOOK: Labels = {
    "decision": N_("Decision to make"),
    "by_staff": N_("Flagged by staff"),
    "identity_conflict": N_("NPN known under another name or e-mail"),
    "identity_refused": N_("Proof of identity refused"),
    "altered_event": N_("Webhook repeated with other content"),
    "uncounted_report": N_("Report that can't be counted"),
    "premature_report": N_("Report that came too early"),
    "npn_refused": N_("NPN check not passed"),
    "check_suspended": N_("Background check suspended"),
    "check_stopped": N_("Background check canceled or expired"),
    "name_alike": N_("Name only like the one in the registry"),
    "second_account": N_("Second account asked for"),
    "appeal_overdue": N_("Appeal not answered in time"),
    "appeal_sent_back": N_("Sent back by an appeal"),
    "rebuttal_filed": N_("Rebuttal to be answered"),
    "mail_refused": N_("E-mail refused by the mail server"),
    "list_late": N_("Not on a federal list in time"),
    "workflow_gone": N_("Workflow not running"),
    "workflow_stuck": N_("Workflow that can't go on"),
    "may_repeat": N_("Something may be done twice"),
    "delivery_failed": N_("Delivery to Temporal given up"),
    "background.ordered.refused": N_("Background check order refused"),
    "training.invited.refused": N_("Invitation refused by the LMS"),
    "training.enrolled.refused": N_("Enrollment refused by the LMS"),
    "mlms.enrolled.individual_returning.refused": N_("MLMS refused: returning agents"),
    "mlms.enrolled.individual_full.refused": N_("MLMS refused: Individual Market"),
    "mlms.enrolled.shop.refused": N_("MLMS refused: SHOP"),
    "portal.account_created.refused": N_("New account refused by the portal"),
    "portal.account_reused.refused": N_("Earlier account refused by the portal"),
    "portal.suspended.refused": N_("Suspension refused by the portal"),
    "portal.renamed.refused": N_("New name refused by the portal"),
    "portal.account_aligned.refused": N_("Account change refused by the portal"),
    "certificate.issued.refused": N_("Certificate that can't be printed"),
    # Of activities that keep failing, whatever the reason.
    "adverse_actions.follow.stuck": N_("Adverse action can't be followed"),
    "appeals.follow.stuck": N_("Appeal can't be followed"),
    "background.order.stuck": N_("Background check order keeps failing"),
    "certificates.issue.stuck": N_("Certificate keeps failing"),
    "certificates.issue_for_market.stuck": N_("Certificate of a market keeps failing"),
    "certificates.supersede.stuck": N_("Corrected certificate keeps failing"),
    "licensing.look_up.stuck": N_("License look-up keeps failing"),
    "licensing.record_unknown.stuck": N_("Screening can't be recorded"),
    "licensing.repeat_checks.stuck": N_("Checks can't be made again"),
    "licensing.give_up_repeat.stuck": N_("Checks made again can't be recorded"),
    "mlms.enroll.stuck": N_("MLMS enrollment keeps failing"),
    "notices.send.stuck": N_("E-mail to the assister keeps failing"),
    "portal.activate.stuck": N_("Portal activation keeps failing"),
    "portal.create_account.stuck": N_("New portal account keeps failing"),
    "portal.reuse_account.stuck": N_("Earlier portal account keeps failing"),
    "portal.suspend.stuck": N_("Portal suspension keeps failing"),
    "portal.rename_account.stuck": N_("New name in the portal keeps failing"),
    "portal.align_account.stuck": N_("Portal account change keeps failing"),
    "profiles.save.stuck": N_("MLMS profile can't be saved"),
    "profiles.verify.stuck": N_("NPN look-up keeps failing"),
    "records.apply.stuck": N_("Command can't be applied"),
    "records.claim.stuck": N_("Case can't be begun"),
    "records.end.stuck": N_("End of the case can't be recorded"),
    "records.follow_deadline.stuck": N_("Training deadline can't be recorded"),
    "records.end_terms.stuck": N_("End of a suspension can't be recorded"),
    "training.enroll.stuck": N_("LMS enrollment keeps failing"),
    "training.invite.stuck": N_("LMS invitation keeps failing"),
    "watch.ask_help_desk.stuck": N_("E-mail to the help desk keeps failing"),
    "watch.look.stuck": N_("Reading the federal lists keeps failing"),
}
OTHER_REASON_TO_LOOK = N_("Something else to look at")

STAFF_ROLES: Labels = {
    "reviewer": N_("Reviewer"),
    "appeals_reviewer": N_("Appeals reviewer"),
    "operator": N_("Operator"),
    "auditor": N_("Auditor"),
}

# The pages that show personal data, as they are written down.
ACCESSED_PAGES: Labels = {
    "queue": N_("Work queue"),
    "cases": N_("All cases"),
    "search": N_("Search"),
    "dashboard": N_("Dashboard"),
    "export": N_("Export"),
    "case": N_("Case"),
    "bulk": N_("Approve in bulk"),
    "evidence": N_("Evidence"),
    "mail": N_("E-mail"),
    "certificate": N_("Certificate"),
    "claims": N_("Two people, one NPN"),
    "season": N_("Seasons"),
    "imports": N_("Imports"),
    "address": N_("Address corrected on the phone"),
    "appeals": N_("Appeals"),
    "webhook": N_("Webhook"),
    "webhooks": N_("Webhooks"),
    "history": N_("Case history"),
    "audit": N_("Case audit"),
}

# After what was written in a language that isn't its reader's.
AS_WRITTEN: Labels = {
    "en": N_("(in English, as it was written)"),
    "es": N_("(in Spanish, as it was written)"),
}

# The same before a reason.
REASONS_AS_WRITTEN: Labels = {
    "en": N_("The reason (in English, as it was written):"),
    "es": N_("The reason (in Spanish, as it was written):"),
}

# The filter of a template that shows each.
FILTERS: dict[str, Labels] = {
    "kind": KINDS,
    "program": PROGRAMS,
    "program_in_short": PROGRAMS_IN_SHORT,
    "stage": STAGES,
    "awaited": WAITING_FOR,
    "market": MARKETS,
    "curriculum": CURRICULA,
    "marketplace_agreement": AGREEMENTS,
    "staff_stage": STAFF_STAGES,
    "staff_awaited": STAFF_AWAITED,
    "reason_to_look": REASONS_TO_LOOK,
    "staff_role": STAFF_ROLES,
    "accessed_page": ACCESSED_PAGES,
    "owner": staff.OWNERS,
    "assister_type": staff.ASSISTER_TYPES,
    "employer": staff.EMPLOYERS,
    "check": staff.CHECKS,
    "result": staff.RESULTS,
    "check_source": staff.CHECK_SOURCES,
    "open_result": staff.OPEN_RESULTS,
    "checks_outcome": staff.CHECKS_OUTCOMES,
    "sorting": staff.SORTINGS,
    "desk": staff.DESKS,
    "requirement": staff.REQUIREMENTS,
    "verdict": staff.VERDICTS,
    "command": staff.COMMANDS,
    "command_state": staff.COMMAND_STATES,
    "notice": staff.NOTICES,
    "fact": staff.FACTS,
    "certificate_status": staff.CERTIFICATES,
    "suspension": staff.SUSPENSIONS,
    "suspension_kind": staff.SUSPENSION_KINDS,
    "sender": staff.SENDERS,
    "language_name": staff.LANGUAGES,
    "as_written": AS_WRITTEN,
    "reason_as_written": REASONS_AS_WRITTEN,
    "report": staff.REPORTS,
    "lms_account": staff.LMS_ACCOUNTS,
    "profile_status": staff.PROFILES,
    "portal_account": staff.PORTAL_ACCOUNTS,
    "scheduling_tool": staff.SCHEDULING,
    "npn_status": staff.NPNS,
    "federal_list": staff.LISTS,
    "field": FIELDS,
    "asked_field": ASKED_FIELDS,
    "agreed_on": staff.AGREED_ON,
    "webhook_state": staff.WEBHOOKS,
    "actor": staff.ACTORS,
    "action": staff.ACTIONS,
    "delivery": staff.DELIVERIES,
    "claim_state": staff.CLAIMS,
    "proof_method": staff.PROOF_METHODS,
    "word_method": staff.WORD_METHODS,
    "season_state": staff.SEASON_STATES,
    "season_outcome": staff.SEASON_OUTCOMES,
    "left_out": staff.LEFT_OUT_REASONS,
    "adverse_status": staff.ADVERSE_STATUSES,
    "import_state": staff.IMPORT_STATES,
    "row_outcome": staff.ROW_OUTCOMES,
    "appeal_outcome": staff.APPEAL_OUTCOMES,
    "appeal_method": staff.APPEAL_METHODS,
    "third_party": staff.THIRD_PARTIES,
    "backlog": staff.BACKLOGS,
    "schedule": staff.SCHEDULES,
    "return_subject": staff.RETURN_SUBJECTS,
}


def make_filters(words: NullTranslations) -> dict[str, Callable[..., str]]:
    """The filters of a template environment: a value of an enumeration by its name in the catalog's language."""
    named: dict[str, Callable[..., str]] = {
        name: partial(_label_value, table, words) for name, table in FILTERS.items()
    }
    named["accessed_page"] = partial(_label_or_code, FILTERS["accessed_page"], words)
    named["actor"] = partial(_label_actor, words)
    named["counted_days"] = partial(_count_days, words)
    named["desk"] = partial(_label_desk, words)
    return named | {"reason_to_look": partial(_label_attention, words)}


def find_label(name: str, code: str, language: str) -> str:
    """What a filter shows of a value, for code."""
    return translate(FILTERS[name][code], language)


def _label_value(table: Labels, words: NullTranslations, code: str) -> str:
    return words.gettext(table[code])


def _label_attention(words: NullTranslations, code: str) -> str:
    """A flag by its label; one of another release by its code, so that its case is still shown."""
    label = REASONS_TO_LOOK.get(code)
    return words.gettext(label) if label else f"{words.gettext(OTHER_REASON_TO_LOOK)}: {code}"


def _label_actor(words: NullTranslations, actor: str) -> str:
    """Somebody of staff by their name, everybody else by their label; people of before are called as they were."""
    name = actor.removeprefix("staff:")
    return name if name != actor else _label_or_code(FILTERS["actor"], words, actor)


def _count_days(words: NullTranslations, days: int, counted: str) -> str:
    """So many days, by the business days among them or by the calendar."""
    if counted == "business":
        return words.ngettext("%(num)s business day", "%(num)s business days", days) % {"num": days}
    return words.ngettext("%(num)s day", "%(num)s days", days) % {"num": days}


def _label_desk(words: NullTranslations, whose: str) -> str:
    """Whose desk it is: the reader's, nobody's, or somebody's by their name."""
    return _label_value(FILTERS["desk"], words, whose) if whose in FILTERS["desk"] else _label_actor(words, whose)


def _label_or_code(table: Labels, words: NullTranslations, code: str) -> str:
    """A value by its label; one without, such as a page of another release or a person's name, as it is."""
    return words.gettext(table[code]) if code in table else code
