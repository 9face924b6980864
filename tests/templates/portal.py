"""Complete contexts for every page of the federal portal, with made-up people, as the templates' comments ask for."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from itertools import product

from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import Curriculum, FederalList, Market, MarketplaceAgreement, Role
from domain.shared.cases.authority import Authority
from domain.shared.cases.facts import ToldReason
from tests.templates.contexts import (
    AUTHORITIES,
    FEDERAL_CONTACT,
    HELP_DESK,
    NPN_LOOKUP,
    NPN_PROOFS,
    RESOURCES,
    STAYED,
    TO_BE_TERMINATED,
)
from web.form_steps import FormPart, describe_progress
from web.gallery.samples import LMS_URL, REFERENCE
from web.http.addresses import set_language
from web.marketplace.steps import (
    BUSINESS_CONTACT,
    NPNS,
    PERSON,
    PROFESSIONAL_CONTACT,
    ROLE,
    ROLE_AND_MARKETS,
    TEMPLATES,
    list_field_ids,
)

HOME = "/me/0a1b2c"
PROFILE_GROUPS = ["role", "person", "npn", "business-contact", "professional-contact"]
AT = datetime(2024, 3, 6, 1, 0, tzinfo=UTC)
SENTENCE = "Said by somebody."
CONTACT = {
    "name": "Example & Daughters",
    "email": "office@example.com",
    "phone": "505-555-0101",
    "address.line1": "1 Sample Street",
    "address.city": "Santa Fe",
    "address.state": "NM",
    "address.postal_code": "87501",
    "website": "https://www.example.com",
    "languages": "Diné\nTiwa",
}
ANSWERS = {
    "role": "marketplace_agent_broker",
    "markets.individual": "true",
    "first_name": "Testa <b>",
    "last_name": "Broker & Sons",
    "email": "testa.broker@example.com",
    "phone": "505-555-0100",
    "language": "es",
    "npn": "1234567",
    **{f"{which}_contact.{part}": text for which in ("business", "professional") for part, text in CONTACT.items()},
}
FAULTS = [
    {"field": field, "message": f"Fault of {field}."}
    for field in (
        "role",
        "markets",
        "first_name",
        "npn",
        "business_npn",
        "business_contact",
        "professional_contact.email",
        "business_contact.address.state",
        "verified",
        "plan_year",
    )
]
WAITS = (
    "marketplace_profile", "npn_verification", "marketplace_training", "marketplace_agreements", "npn_proof",
    "certificate", "publication", "next_plan_year",
)  # fmt: skip

Build = Callable[..., dict[str, object]]


def frame(language: str, path: str) -> dict[str, object]:
    """What base.html wants of every page."""
    return {"contact": FEDERAL_CONTACT, "switch_url": set_language(path, "en" if language == "es" else "es")}


def log_in(language: str, is_back: bool = False) -> dict[str, object]:
    return {
        **frame(language, "/portal"),
        "action": "/me/code",
        "is_back": is_back,
        "register_url": "/portal/register",
        "cms_portal": {"label": "Portal of somebody", "url": "https://portal.example.gov"},
        "values": {},
        "errors": [],
    }


def register(language: str, why: str = "", faulty: bool = False, begun: bool = False) -> dict[str, object]:
    return {
        **frame(language, "/portal/register?plan_year=2024"),
        "action": "/portal/register",
        "portal_url": "/portal",
        "plan_year": 2024,
        "years": [{"year": year, "url": f"/portal/register?plan_year={year}"} for year in (2026, 2027)],
        "why": why,
        "form_token": "5a" * 32 if begun else None,
        "values": {},
        "errors": [{"field": "plan_year", "message": SENTENCE}] if faulty else [],
    }


def step(language: str, part: FormPart, profile_year: int | None = None, faulty: bool = False) -> dict[str, object]:
    """A step of the request to register, or of the profile; without answers where it is neither faulty nor known."""
    fields, slug = list_field_ids(part), part.slug
    base = f"{HOME}/profile" if profile_year else "/portal/register"
    return {
        **frame(language, f"{base}/{slug}"),
        "action": f"{base}/{slug}",
        "back": base,
        "progress": describe_progress([(slug, part.title), ("check", "Check")], slug, language),
        "form_token": None if profile_year else "5a" * 32,
        "profile_year": profile_year,
        "field": part.fields[0].partition(".")[0],
        "required": profile_year is not None,
        "npn_lookup": NPN_LOOKUP if profile_year else None,
        "values": ANSWERS if faulty or profile_year else {"language": language},
        "fields": fields,
        "errors": [{"field": name, "message": f"Fault of {name}."} for name in dict.fromkeys(fields) if faulty],
    }


def check(language: str, role: Role = Role.MARKETPLACE_AGENT_BROKER, faulty: bool = False) -> dict[str, object]:
    """The list of answers; of who is no agent broker without a contact."""
    slugs = PROFILE_GROUPS if role is Role.MARKETPLACE_AGENT_BROKER else ["role", "person", "professional-contact"]
    given = {name: text for name, text in ANSWERS.items() if slugs is PROFILE_GROUPS or "contact" not in name}
    return {
        **frame(language, "/portal/register/check"),
        "action": "/portal/register/check",
        "back": "/portal/register/professional-contact",
        "base": "/portal/register",
        "progress": describe_progress([("role", "Role"), ("check", "Check")], "check", language),
        "form_token": "5a" * 32,
        "plan_year": "2024",
        "slugs": slugs,
        "values": {**given, "role": role},
        "errors": [{"field": "email", "message": SENTENCE, "url": "/portal/register/person#email"}] if faulty else [],
        "doubts": [{"label": "Which", "message": "Look at it.", "url": "/portal/register/person#x"}] if faulty else [],
    }


def registered(language: str) -> dict[str, object]:
    return {
        **frame(language, "/portal/register"),
        "plan_year": 2024,
        "email": "testa.broker@example.com",
        "reference": REFERENCE,
        "own_url": "/me",
    }


def courses(completed: bool = False) -> dict[str, object]:
    """What _portal_courses.html shows: courses begun and not, in the MLMS and at a vendor."""
    return {
        "mlms": [
            {
                "curriculum": Curriculum.INDIVIDUAL_RETURNING,
                "automatic": True,
                "url": LMS_URL,
                "started_at": AT,
                "completed_at": AT if completed else None,
            },
            {"curriculum": Curriculum.SHOP, "automatic": False, "url": None, "started_at": None, "completed_at": None},
        ],
        "vendors": [
            {
                "curriculum": Curriculum.INDIVIDUAL_FULL,
                "channel": "vendor-a",
                "name": "Sample Vendor",
                "action": f"{HOME}/launches",
                "automatic": False,
                "started_at": None,
                "completed_at": AT if completed else None,
            }
        ],
    }


def home(
    language: str,
    waiting_for: str | None = "marketplace_training",
    stage: str = "in_training",
    role: Role = Role.MARKETPLACE_AGENT_BROKER,
    has_pass: bool = False,
    **changes: object,
) -> dict[str, object]:
    done = waiting_for in ("certificate", "publication", "next_plan_year")
    listed = role is Role.MARKETPLACE_AGENT_BROKER
    return {
        **frame(language, HOME),
        **courses(done),
        "program": "ffm",
        "npn_proof": None,
        "authority": Authority(),
        "rebuttal_action": f"{HOME}/rebuttal",
        "passes": {
            "portals": [{"id": "marketplace", "name": "A sample portal"}],
            "given": {"name": "A sample portal", "until": AT} if has_pass else None,
            "action": f"{HOME}/portal-pass",
            "end_action": f"{HOME}/portal-pass/end",
        },
        "appeal": None,
        "withdraw_action": f"{HOME}/withdraw" if waiting_for else None,
        "told": None,
        "name": "Testa Broker",
        "role": role,
        "plan_year": 2024,
        "reference": REFERENCE,
        "stage": stage,
        "waiting_for": waiting_for,
        "ended": waiting_for is None,
        "reason": None,
        "withdrawn_at": None,
        "profile": {"status": "incomplete", "saved": False, "npn": None, "problem": None},
        "may_assist": waiting_for == "next_plan_year",
        "missing": [] if waiting_for == "next_plan_year" else [SENTENCE],
        "agreements": [
            {
                "agreement": one,
                "market": one.market,
                "url": f"{HOME}/agreements/{one}",
                "accepted_at": AT if done else None,
            }
            for one in MarketplaceAgreement
        ],
        "markets": [market(one, done, listed) for one in Market],
        "urls": {
            "profile": f"{HOME}/profile",
            "training": f"{HOME}/training",
            "tracker": "/registry/tracker/1234567",
            "listed": "/registry/listed?plan_year=2024",
            "rcl": "/registry/rcl.csv",
            "find_local_help": "https://help.example.gov",
            "find_local_help_list": "/registry/find-local-help.csv",
        },
        "is_listed": listed,
        "npn_missing": {"lag": 2, "help_desk": HELP_DESK},
        "help_desk_told_at": None,
        "resources": RESOURCES,
        **changes,
    }


def market(name: Market, done: bool, listed: bool) -> dict[str, object]:
    """A market's steps, and its lists: seen, late and expected, one each."""
    lists = [
        {"list": FederalList.TRACKER, "due_on": date(2024, 3, 8), "listed_at": AT, "late": False},
        {"list": FederalList.RCL, "due_on": date(2024, 3, 8), "listed_at": None, "late": True},
        {"list": FederalList.FIND_LOCAL_HELP, "due_on": date(2024, 3, 11), "listed_at": None, "late": False},
    ]
    states = ("done", "done", "done", "next") if done else ("done", "next", "later", "later")
    certificate = {"number": f"FM24-{name}", "url": f"/certificates/{name}", "file_url": f"{HOME}/certificates/{name}"}
    return {
        "market": name,
        "steps": [
            {"key": key, "state": state}
            for key, state in zip(("profile", "training", "agreements", "confirm"), states, strict=True)
        ],
        "lists": lists if done and listed else [],
        "complete": done,
        "certificate": certificate if done else None,
    }


def profile(
    language: str, role: Role = Role.MARKETPLACE_AGENT_BROKER, answered: bool = False, **changes: object
) -> dict[str, object]:
    slugs = PROFILE_GROUPS if role is Role.MARKETPLACE_AGENT_BROKER else ["role", "person", "professional-contact"]
    return {
        **frame(language, f"{HOME}/profile"),
        "home_url": HOME,
        "action": f"{HOME}/profile",
        "base": f"{HOME}/profile",
        "progress": describe_progress([("role", "Role"), ("check", "Check")], "check", language),
        "plan_year": 2024,
        "role": role,
        "slugs": slugs,
        "open_slugs": slugs if answered else [],
        "missing_url": f"{HOME}/profile/role" if answered else None,
        "is_saved": False,
        "is_complete": False,
        "has_changes": answered,
        "npn": None,
        "waits": False,
        "saved": False,
        "refused": None,
        "stopped": None,
        "values": {**ANSWERS, "role": role},
        "errors": [{**fault, "url": f"{HOME}/profile/role#{fault['field']}"} for fault in FAULTS] if answered else [],
        "doubts": [{"label": "Which", "message": "Look at it.", "url": f"{HOME}/profile/role#x"}] if answered else [],
        **changes,
    }


def training(language: str, faulty: bool = False, completed: bool = False, **changes: object) -> dict[str, object]:
    every = list(Curriculum)
    return {
        **frame(language, f"{HOME}/training"),
        **courses(completed),
        "home_url": HOME,
        "plan_year": 2024,
        "enrolled": False,
        "is_back": False,
        "again_url": f"{HOME}/training?back=1",
        "action": f"{HOME}/training",
        "curricula": every,
        "channels": [
            {"channel": "mlms", "name": None, "curricula": every},
            {"channel": "vendor-a", "name": "Sample Vendor", "curricula": every},
        ],
        "values": {"curriculum": "shop"} if faulty else {},
        "errors": [{"field": name, "message": f"Fault of {name}."} for name in ("curriculum", "channel") if faulty],
        **changes,
    }


def portal_pass(language: str) -> dict[str, object]:
    return {
        **frame(language, f"{HOME}/portal-pass"),
        "home_url": HOME,
        "portal": "A sample portal",
        "portal_pass": "a-pass-of-a-sample-" + "x" * 24,
        "until": AT,
    }


def agreement(language: str, state: str = "asked") -> dict[str, object]:
    name = MarketplaceAgreement.INDIVIDUAL_PRIVACY_SECURITY
    return {
        **frame(language, f"{HOME}/agreements/{name}"),
        "home_url": HOME,
        "is_back": state == "asked after a course",
        "agreement": name,
        "market": name.market,
        "version": "2024-1",
        "text": None if state.startswith("asked") else find_marketplace_agreement(name, language),
        "accepted_at": AT if state == "accepted" else None,
        "open_action": f"{HOME}/agreements/{name}/open" if state.startswith("asked") else None,
        "accept_action": f"{HOME}/agreements/{name}/accept" if state == "launched" else None,
        "why_not": SENTENCE if state == "too early" else None,
    }


def certificate(language: str, status: str = "valid") -> dict[str, object]:
    number = "FM24-7Q4K-M2XD-9RTW-B6HC"
    return {
        **frame(language, f"/certificates/{number}"),
        "number": number,
        "certificate": {
            "number": number,
            "status": status,
            "holder": "Testa Broker",
            "kind": Role.MARKETPLACE_AGENT_BROKER,
            "market": Market.SHOP,
            "program": "ffm",
            "plan_year": 2024,
            "issued_at": AT,
            "valid_until": date(2024, 12, 31),
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            **({"superseded_by": "FM24-8H2N-P5VC-3KXR-J9DA"} if status == "superseded" else {}),
            "may_assist": status == "valid",
        },
        "awaits_portal": False,
        "plan_year_ended": status == "expired",
        "back_url": None,
        "share_url": f"https://certify.example.org/certificates/{number}",
    }


def problem(language: str, to: str | None = "home") -> dict[str, object]:
    return {
        **frame(language, "/nowhere"),
        "title": "Said at the top",
        "detail": SENTENCE,
        "link": {"to": to, "url": HOME} if to else None,
    }


def _saved(status: str, npn: str) -> dict[str, object]:
    return {"status": status, "saved": True, "npn": npn, "problem": SENTENCE if npn == "refused" else None}


PORTAL_PAGES: dict[str, tuple[str, Build]] = {
    "portal": ("portal.html", log_in),
    "portal, back from a vendor": ("portal.html", partial(log_in, is_back=True)),
    "register": ("portal_register.html", register),
    "register for a year that is closed": ("portal_register.html", partial(register, faulty=True)),
    "register, under way": ("portal_register.html", partial(register, begun=True)),
    **{
        f"register, {why}, {begun}": ("portal_register.html", partial(register, why=why, begun=begun))
        for why, begun in (("cookies", False), ("expired", False), ("expired", True))
    },
    **{
        f"{'profile' if year else 'register'}, {part.slug}, {'faulty' if faulty else 'good'}": (
            TEMPLATES[part.slug],
            partial(step, part=part, profile_year=year, faulty=faulty),
        )
        for (year, role), number, faulty in product(((None, ROLE_AND_MARKETS), (2024, ROLE)), range(5), (False, True))
        for part in [(role, PERSON, NPNS, BUSINESS_CONTACT, PROFESSIONAL_CONTACT)[number]]
    },
    **{f"register, check, {role}": ("portal/check.html", partial(check, role=role)) for role in Role},
    "register, check with a fault": ("portal/check.html", partial(check, faulty=True)),
    "registered": ("portal_registered.html", registered),
    **{
        f"home, waiting for {waiting_for}, {role}": (
            "portal_home.html",
            partial(home, waiting_for=waiting_for, role=role),
        )
        for waiting_for, role in product(WAITS, Role)
    },
    **{
        f"home, {stage}, {reason}": (
            "portal_home.html",
            partial(home, waiting_for=None, stage=stage, reason=reason and ToldReason(reason), missing=[SENTENCE]),
        )
        for stage, reason in product(("withdrawn", "revoked", "closed"), (None, SENTENCE))
    },
    "home, withdrawn by oneself": (
        "portal_home.html",
        partial(home, waiting_for=None, stage="withdrawn", reason=ToldReason(SENTENCE), withdrawn_at=AT),
    ),
    **{
        f"home, profile {status}, NPN {npn}, told {told}": (
            "portal_home.html",
            partial(
                home,
                waiting_for="marketplace_profile",
                stage="awaiting_profile",
                profile=_saved(status, npn),
                told=told,
            ),
        )
        for status, npn, told in (
            ("incomplete", "refused", None),
            ("incomplete", "verified", None),
            ("saved", "unverified", "next"),
            ("complete", "verified", "next"),
        )
    },
    **{
        f"home, NPN {how}": ("portal_home.html", partial(home, waiting_for="npn_proof", npn_proof=proof))
        for how, proof in NPN_PROOFS.items()
    },
    **{
        f"home, suspended, {how}": (
            "portal_home.html",
            partial(home, stage="suspended", waiting_for="restoration", authority=authority),
        )
        for how, authority in AUTHORITIES.items()
    },
    "home, suspension waits": (
        "portal_home.html",
        partial(home, stage="active", waiting_for="next_plan_year", authority=STAYED),
    ),
    "home, to be terminated": (
        "portal_home.html",
        partial(home, stage="active", waiting_for="next_plan_year", authority=TO_BE_TERMINATED),
    ),
    "home, accepted": ("portal_home.html", partial(home, waiting_for="certificate", told="accepted")),
    "home, help desk told": ("portal_home.html", partial(home, waiting_for="publication", help_desk_told_at=AT)),
    "home, no course": ("portal_home.html", partial(home, mlms=[], vendors=[])),
    "profile": ("portal_profile.html", profile),
    "profile of no agent": ("portal_profile.html", partial(profile, role=Role.NOT_AN_AGENT_BROKER, npn="not_required")),
    "profile with faults": ("portal_profile.html", partial(profile, answered=True)),
    "profile, Next refused": ("portal_profile.html", partial(profile, stopped=SENTENCE)),
    "profile, saved": ("portal_profile.html", partial(profile, saved=True, is_saved=True, npn="verified")),
    "profile, waits": ("portal_profile.html", partial(profile, waits=True)),
    "profile, refused": ("portal_profile.html", partial(profile, refused=SENTENCE, is_saved=True, npn="refused")),
    "profile, unverified": ("portal_profile.html", partial(profile, is_saved=True, npn="unverified")),
    "profile, complete": ("portal_profile.html", partial(profile, is_saved=True, is_complete=True, npn="verified")),
    "home, a pass is out": ("portal_home.html", partial(home, waiting_for="marketplace_training", has_pass=True)),
    "pass for a portal": ("portal_pass.html", portal_pass),
    "training": ("portal_training.html", training),
    "training with faults": ("portal_training.html", partial(training, faulty=True)),
    "training, enrolled": ("portal_training.html", partial(training, enrolled=True)),
    "training, back from a vendor": ("portal_training.html", partial(training, is_back=True)),
    "training, back from a vendor whose course is complete": (
        "portal_training.html",
        partial(training, is_back=True, completed=True),
    ),
    "training, no course": ("portal_training.html", partial(training, mlms=[], vendors=[])),
    **{
        f"federal agreement, {state}": ("portal_agreement.html", partial(agreement, state=state))
        for state in ("asked", "asked after a course", "launched", "too early", "accepted")
    },
    **{
        f"federal certificate, {status}": ("certificate.html", partial(certificate, status=status))
        for status in ("valid", "superseded", "withdrawn", "revoked", "expired", "unproven")
    },
    **{
        f"problem of the portal, {to}": ("portal_problem.html", partial(problem, to=to))
        for to in ("home", "portal", None)
    },
}
