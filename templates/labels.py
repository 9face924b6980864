"""What a reader calls the values of the enumerations: English here, marked for the catalogs; no sentences."""

from collections.abc import Callable
from functools import partial
from gettext import NullTranslations

from templates.catalogs import N_

Labels = dict[str, str]

KINDS: Labels = {
    "agent": N_("Agent"),
    "broker": N_("Broker"),
    "enrollment_counselor": N_("Enrollment counselor"),
    "marketplace_agent_broker": N_("Marketplace Agent Broker"),
    "not_an_agent_broker": N_("Not an Agent Broker"),
}

PROGRAMS: Labels = {
    "bewellnm": N_("beWellnm, New Mexico"),
    "ffm": N_("Federally-facilitated Marketplace"),
}

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
    "denied": N_("Denied"),
    "withdrawn": N_("Withdrawn"),
    "revoked": N_("Revoked"),
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
    "marketplace_training": N_("Marketplace training"),
    "marketplace_agreements": N_("Agreements with the Marketplace"),
    "publication": N_("Listing in the Registration Tracker, the RCL and Find Local Help"),
    "next_plan_year": N_("Next plan year"),
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

PROFILE_FIELDS: Labels = {
    "npn": N_("National Producer Number (NPN)"),
    "business_npn": N_("NPN of the business"),
    "web_entity_npn": N_("NPN of the web-based entity"),
}

# The filter of a template that shows each.
FILTERS: dict[str, Labels] = {
    "kind": KINDS,
    "program": PROGRAMS,
    "stage": STAGES,
    "awaited": WAITING_FOR,
    "market": MARKETS,
    "curriculum": CURRICULA,
    "marketplace_agreement": AGREEMENTS,
    "profile_field": PROFILE_FIELDS,
}


def filters(words: NullTranslations) -> dict[str, Callable[[str], str]]:
    """The filters of a template environment: a value of an enumeration by its name in the catalog's language."""
    return {name: partial(_label, table, words) for name, table in FILTERS.items()}


def _label(table: Labels, words: NullTranslations, code: str) -> str:
    return words.gettext(table[code])
