"""Complete contexts for every notice and page, with made-up people; the templates' own comments say what each wants."""

from datetime import UTC, date, datetime
from pathlib import Path

from domain.federal.markets import Role
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.authority import ORDERED, Authority, PendingTermination, Rebuttal, Suspension, SuspensionCause
from domain.shared.cases.facts import ToldReason
from domain.shared.cases.notices import ABOUT_APPEALS, AUTHORITY_NOTICES, TOPIC_OF_WAITING, Notice, Topic
from domain.shared.cases.review_times import ReviewTime
from domain.shared.cases.stages import OWNER
from domain.shared.policy import DayKind
from domain.state.agreements import find_agreement, find_consent_text
from domain.state.certification import ExamAttempt
from domain.state.request import list_askable_fields
from web.gallery.samples import ACTIVATION_URL, LMS_URL, PORTAL_URL, RCL_URL, RECOVERY_URL, REFERENCE, VERIFY_URL
from web.http.addresses import set_language

TEMPLATES = Path(__file__).parents[2] / "templates"
LANGUAGES = ("en", "es")
KINDS = ("agent", "broker", "enrollment_counselor")
ROLES = tuple(Role)

PHONE = "1-833-862-3935"
PORTALS = "brokers@nmhix.com"
TRAINING = "partners@nmhix.com"
HELP_DESK = FEDERAL_POLICIES[2024].help_desk
CONTACTS: dict[Topic, dict[str, str | None]] = {
    Topic.GENERAL: {"label": "beWellnm Customer Engagement Center", "phone": PHONE, "email": None},
    Topic.PORTALS: {"label": "Broker Portal, Assister Portal", "phone": None, "email": PORTALS},
    Topic.TRAINING: {"label": "LMS", "phone": None, "email": TRAINING},
}

FEDERAL_CONTACT: dict[str, str | None] = {"label": "Agents' Help Desk", "phone": None, "email": HELP_DESK}

RESOURCE_URL = "https://www.bewellnm.com/getting-started/agents-brokers/"
GLOSSARY_URL = "https://www.bewellnm.com"

# The links without which a notice would be of no use, besides the one to their own pages, which all to assisters have.
LINKS: dict[Notice, tuple[str, ...]] = {
    Notice.REQUEST_RECEIVED: (),
    Notice.INFORMATION_NEEDED: (),
    Notice.QUESTION_TAKEN_BACK: (),
    Notice.LMS_INVITATION: (LMS_URL,),
    Notice.LMS_ENROLLED: (LMS_URL,),
    Notice.DENIED: (),
    Notice.CERTIFICATE_ISSUED: (VERIFY_URL,),
    Notice.CERTIFICATE_CORRECTED: (VERIFY_URL,),
    Notice.PORTAL_ACTIVATION: (ACTIVATION_URL,),
    Notice.ACTIVE: (GLOSSARY_URL,),
    Notice.REMINDER: (),
    Notice.TRAINING_DUE: (),
    Notice.TRAINING_LAPSED: (),
    Notice.TRAINING_REACTIVATED: (),
    Notice.WITHDRAWN: (),
    Notice.REVOKED: (),
    Notice.AUTHORITY_SUSPENDED: (),
    Notice.AUTHORITY_RESTORED: (),
    Notice.TERMINATION_NOTICED: (),
    Notice.TERMINATION_TAKEN_BACK: (),
    Notice.TERMINATED: (),
    Notice.CLOSED: (),
    Notice.MARKETPLACE_WELCOME: (RECOVERY_URL,),
    Notice.MARKETPLACE_PROFILE_NPN: (),
    Notice.MARKETPLACE_ENROLLED: (LMS_URL,),
    Notice.MARKETPLACE_CERTIFICATE: (VERIFY_URL,),
    Notice.MARKETPLACE_ACTIVE: (),
    Notice.PORTAL_RECOVERY: (),
    Notice.HELP_DESK: (RCL_URL,),
    Notice.ADVERSE_ACTION_BEGUN: ("https://reports.example.org",),
    Notice.ADVERSE_ACTION_CANCELED: (),
    Notice.ADVERSE_ACTION_FINAL: ("https://reports.example.org",),
    Notice.APPEAL_FILED: (),
    Notice.APPEAL_ESCALATED: (),
    Notice.APPEAL_DECIDED: (),
    Notice.LICENSE_EXPIRING: (),
}

# The notices of the federal program, those of both, and whom each is sent to by kind or role.
FEDERAL = {notice for notice in Notice if notice.startswith("marketplace_")} | {
    Notice.PORTAL_RECOVERY,
    Notice.HELP_DESK,
}
BOTH = {Notice.REMINDER, Notice.WITHDRAWN, Notice.REVOKED, Notice.CLOSED, *AUTHORITY_NOTICES, Notice.TERMINATED}
BOTH |= ABOUT_APPEALS
BOTH.add(Notice.CERTIFICATE_CORRECTED)
READERS: dict[Notice, tuple[str, ...]] = {
    notice: (*KINDS, *ROLES) if notice in BOTH else ROLES if notice in FEDERAL else KINDS for notice in Notice
}

RESOURCES = [
    {"label": "Getting Started", "url": RESOURCE_URL},
    {"label": "Knowledge base", "url": "https://nfpnewmexico.force.com/knowledgebase/s/"},
]
REFERRALS = ["A tax professional", "The Department of Insurance (DOI)", "The Social Security Administration (SSA)"]

# What a reminder can be about: what waits for the assister, and what staff and the vendor take their time for.
_WAITED = tuple(waited for waited, owner in OWNER.items() if owner not in {"us", "nobody", "appeals reviewer"})
_FEDERAL_WAITS = ("npn_verification", "publication")
STATE_WAITS = tuple(w for w in TOPIC_OF_WAITING if not w.startswith("marketplace_") and w not in _FEDERAL_WAITS)
FEDERAL_AWAITED = tuple(waited for waited in _WAITED if waited.startswith("marketplace_"))
AWAITED = tuple(waited for waited in _WAITED if waited not in FEDERAL_AWAITED)

NPN_LOOKUP = {"label": "Registry of somebody", "url": "https://registry.example.org/npn"}
ADDRESS = {"line1": "1 Sample Street", "line2": "Suite 2", "city": "Santa Fe", "state": "NM", "postal_code": "87501"}
ANSWERS = {
    "experience": "new",
    "kind": "broker",
    "work_state": "NM",
    "first_name": "Testa <b>",
    "last_name": "Broker & Sons",
    "email": "testa.broker@example.com",
    "phone": "505-555-0100",
    "language": "es",
    "npn": "1234567",
    "license_number": "NM-100",
    "insurers": "Sample Health\nExample Care",
    "employer.kind": "clinic",
    "employer.name": "Example Clinic",
    "background_check_consent": "true",
    "agreement_accepted": "true",
    **{f"business_address.{part}": value for part, value in ADDRESS.items()},
    **{f"physical_address.{part}": value for part, value in ADDRESS.items()},
}
FAULTS = [
    {"field": field, "message": f"Fault of {field}"}
    for field in (
        "kind",
        "first_name",
        "email",
        "insurers.1",
        "business_address.state",
        "physical_address",
        "employer.kind",
        "background_check_consent",
        "agreement_accepted",
        "program",
    )
]
ATTEMPTS = [
    ExamAttempt(event_id=score, score=score, passed=False, at=datetime(2024, 3, 6, hour, tzinfo=UTC))
    for hour, score in enumerate(["0.5", "0.7999"], 16)
]
STEPS = [
    {"key": "request", "state": "done"},
    {"key": "eligibility", "state": "done"},
    {"key": "training", "state": "done"},
    {"key": "exam", "state": "next"},
    {"key": "certificate", "state": "later"},
    {"key": "portal", "state": "later"},
    {"key": "begin", "state": "later"},
]


def frame(language: str, path: str, topic: Topic = Topic.GENERAL) -> dict[str, object]:
    """What base.html wants of every page."""
    return {"contact": CONTACTS[topic], "switch_url": set_language(path, "en" if language == "es" else "es")}


def certificate(
    language: str,
    status: str | None = "valid",
    valid_until: date | None = date(2024, 12, 31),
    plan_year_ended: bool = False,
    may_assist: bool = True,
    awaits_portal: bool = False,
) -> dict[str, object]:
    number = "NM24-7Q4K-M2XD-9RTW-B6HC"
    return {
        **frame(language, f"/certificates/{number}"),
        "number": number,
        "certificate": status
        and {
            "number": number,
            "status": status,
            "may_assist": may_assist and status == "valid",
            "holder": "Testa Broker",
            "kind": "broker",
            "program": "bewellnm",
            "plan_year": 2024,
            "issued_at": datetime(2024, 3, 6, 1, 0, tzinfo=UTC),
            "valid_until": valid_until,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            **({"superseded_by": "NM24-8H2N-P5VC-3KXR-J9DA"} if status == "superseded" else {}),
        },
        "awaits_portal": awaits_portal,
        "plan_year_ended": plan_year_ended,
        "back_url": "/me?lang=es" if awaits_portal else None,
        "share_url": f"https://certify.example.org/certificates/{number}" if status else None,
    }


def suspended(**more: object) -> Authority:
    """An authority that is suspended, by staff until a day unless it says otherwise."""
    data = {
        "suspension_id": "s1",
        "cause": SuspensionCause.SUSPENDED_BY_STAFF,
        "reason": "A complaint & its check",
        "until": date(2024, 6, 3),
        "decided_by": "staff:sample",
        "notice_date": date(2024, 3, 5),
        "since": datetime(2024, 3, 6, 1, 0, tzinfo=UTC),
        **more,
    }
    said = Rebuttal(
        by="assister",
        text="It was somebody else & I can show it",
        answer_by=date(2024, 4, 20),
        filed_at=datetime(2024, 3, 6, 2, 0, tzinfo=UTC),
    )
    rebuttals = (said,) if data["cause"] in ORDERED else ()
    return Authority(facts=1, suspensions=(Suspension.model_validate(data),), rebuttals=rebuttals)


TO_BE_TERMINATED = Authority(
    facts=1,
    termination=PendingTermination(
        by="staff:sample",
        reason="The agreement & its rules",
        notice_date=date(2024, 3, 5),
        last_day=date(2024, 4, 4),
        since=datetime(2024, 3, 6, 1, 0, tzinfo=UTC),
    ),
)
LAPSED = suspended(cause=SuspensionCause.LICENSE_LAPSED, reason="", until=None)
WITHOUT_TERM = suspended(cause=SuspensionCause.SYSTEM_SUSPENSION, until=None)
STAYED = suspended(stayed=True)
AUTHORITIES = {"until a day": suspended(), "license lapsed": LAPSED, "without a term": WITHOUT_TERM}


def npn_proof(*addresses: str, needed: bool = True, taken: bool = False, **changes: object) -> dict[str, object]:
    """An NPN that is still to be proven, by a code to one of these addresses."""
    ask = {"identity_url": None, "can_ask": False, "asking": False, "ask_action": "/me/0a1b2c/npn/look-up"}
    return {"action": "/me/0a1b2c/npn", "addresses": addresses, "needed": needed, "taken": taken, **ask, **changes}


# A notice before a denial by a background report.
ADVERSE: dict[str, object] = {
    "status": "waiting",
    "notice_date": date(2024, 3, 5),
    "last_day": date(2024, 3, 12),
    "agency": {
        "name": "Sample Reports, Inc.",
        "address": "1 Sample Street, Sampletown",
        "phone": "1-800-555-0100",
        "report_url": "https://reports.example.org",
    },
    "rights": "Rights & more",
    "action": "/me/0a1b2c/dispute",
}
ADVERSE_ACTIONS = {
    "waiting": ADVERSE,
    "before its notice": {**ADVERSE, "status": "noticing", "notice_date": None, "last_day": None, "agency": None},
    "disputed": {**ADVERSE, "status": "disputed", "action": None},
    "decidable": {**ADVERSE, "status": "decidable"},
}

# A training deadline as the status page shows it: by its stage and what is waited for.
DEADLINE: dict[str, object] = {
    "last_day": date(2024, 6, 3),
    "reactivate_until": date(2026, 6, 3),
    "lapsed_at": None,
    "reactivated_at": None,
}
DEADLINES: dict[str, tuple[str, str | None, dict[str, object]]] = {
    "to come": ("in_training", "course_completion", DEADLINE),
    "to run": ("awaiting_decision", "decision", {**DEADLINE, "last_day": None, "reactivate_until": None}),
    "lapsed": ("lapsed", "course_completion", {**DEADLINE, "lapsed_at": datetime(2024, 6, 4, 7, tzinfo=UTC)}),
    "closed": ("closed", None, {**DEADLINE, "lapsed_at": datetime(2024, 6, 4, 7, tzinfo=UTC)}),
}

# How an NPN is still to be proven.
NPN_PROOFS = {
    "by code": npn_proof("t•••@e•••.com", "b•••@e•••.org"),
    "by code, from before": npn_proof("t•••@e•••.com", needed=False),
    "by staff": npn_proof(),
    "by an identity provider": npn_proof("t•••@e•••.com", identity_url="/me/0a1b2c/npn/identity"),
    "by staff, from before": npn_proof(needed=False),
    "taken": npn_proof(taken=True),
    "to be asked": npn_proof(can_ask=True),
    "asked": npn_proof(asking=True),
}


def status(
    language: str,
    kind: str = "broker",
    stage: str = "awaiting_exam_pass",
    waiting_for: str | None = "exam_pass",
    **changes: object,
) -> dict[str, object]:
    topic = TOPIC_OF_WAITING.get(waiting_for, Topic.GENERAL) if waiting_for else Topic.GENERAL
    return {
        **frame(language, "/me/0a1b2c", topic),
        "program": "bewellnm",
        "appeal": None,
        "withdraw_action": None
        if stage in ("denied", "withdrawn", "revoked", "terminated", "closed")
        else "/me/0a1b2c/withdraw",
        "name": "Testa Prueba",
        "kind": kind,
        "plan_year": 2024,
        "reference": REFERENCE,
        "stage": stage,
        "waiting_for": waiting_for,
        "may_assist": False,
        "missing": ["The final exam is not passed yet.", "There is no certificate yet."],
        "steps": STEPS,
        "reason": None,
        "withdrawn_at": None,
        "pass_mark": "0.80",
        "attempts": [],
        "corrected": False,
        "doubts": [],
        "contacts_url": "/me/0a1b2c/contacts",
        "review": ReviewTime(5, DayKind.BUSINESS, date(2024, 3, 12)),
        "awaits_portal": stage in ("certified", "portal_setup"),
        "lms_url": LMS_URL,
        "portal_url": PORTAL_URL,
        "certificate": None,
        "question": None,
        "answers": [],
        "values": {},
        "errors": [],
        "answered": False,
        "taken_back": False,
        "unsent": None,
        "accepted": False,
        "train_meanwhile": False,
        "agreement": None,
        "agreed": None,
        "consented": True if kind == "enrollment_counselor" else None,
        "npn_proof": None,
        "authority": Authority(),
        "rebuttal_action": "/me/0a1b2c/rebuttal",
        "adverse": None,
        "deadline": None,
        "consent": find_consent_text(language),
        "resources": RESOURCES,
        "referrals": REFERRALS,
        "npn_lookup": NPN_LOOKUP,
        **changes,
    }


def in_force(language: str) -> dict[str, object]:
    """The agreement in force, as the status page shows it."""
    return find_agreement("bewellnm", language).model_dump()


def agreement_asked(language: str, answered: bool = False) -> dict[str, object]:
    """The status page of a returning assister, who has yet to accept the agreement."""
    asked = find_agreement("bewellnm", language)
    return status(
        language,
        "broker",
        "awaiting_decision",
        "decision",
        train_meanwhile=True,
        agreement={**asked.model_dump(), "action": "/me/0a1b2c/agreement"},
        errors=[{"field": "agreement_accepted", "message": "Fault of agreement_accepted"}] if answered else [],
    )


def question(
    language: str, kind: str = "broker", answered: bool = False, named: tuple[str, ...] = ()
) -> dict[str, object]:
    """The status page while staff wait for an answer, about these fields alone where any are named."""
    asked = {
        "told": ToldReason("Which clinic & where?\nPlease send its name."),
        "action": "/me/0a1b2c/information",
        "fields": {*(named or list_askable_fields(kind))},
        "is_narrow": bool(named),
        "files": [{"name": "lease & map.pdf", "url": "/me/0a1b2c/answers/1/1"}] if named else [],
        "most_files": 10,
        "largest_file": 10,
        "largest_form": 32,
    }
    faults = [{"field": "message", "message": "Fault of message"}, *FAULTS] if answered else []
    faults += [{"field": "file", "message": "Fault of file"}] if answered else []
    return status(language, kind, "awaiting_information", "information", question=asked, values=ANSWERS, errors=faults)


def given_answers() -> list[dict[str, object]]:
    """What was asked and answered before, the last time in writing."""
    given = {
        "asked": ToldReason("Which clinic & where?\nPlease send its name."),
        "asked_at": datetime(2024, 3, 4, 16, tzinfo=UTC),
        "message": "The <b>clinic</b> of Sampletown.\nIts lease is attached.",
        "answered_at": datetime(2024, 3, 5, 16, tzinfo=UTC),
        "by_staff": False,
        "changed": ["phone", "business_address"],
        "files": [{"name": "a-lease-and-a-map-of-the-place.pdf", "url": "/me/0a1b2c/answers/2/1"}],
    }
    return [given, {**given, "by_staff": True, "changed": [], "files": []}]


def activate(language: str, state: str = "ready") -> dict[str, object]:
    ready = state == "ready"
    return {
        **frame(language, "/activate/0a1b2c", Topic.PORTALS),
        "state": state,
        "action": "/activate/0a1b2c" if ready else None,
        "expires": datetime(2024, 3, 12, 23, 30, tzinfo=UTC) if ready else None,
        "portal_url": PORTAL_URL,
    }


def resources(language: str, kind: str) -> dict[str, object]:
    return {
        **frame(language, f"/resources/{kind}"),
        "kind": kind,
        "kinds": [{"kind": other, "url": f"/resources/{other}"} for other in KINDS if other != kind],
        "resources": RESOURCES,
        "referrals": REFERRALS,
    }


def problem(language: str, errors: bool = False) -> dict[str, object]:
    return {
        **frame(language, "/nowhere"),
        "title": "Page not found",
        "detail": None if errors else "There is nothing at this address.",
        "errors": FAULTS if errors else [],
        "queue_url": "/staff" if errors else None,
    }
