"""The pages of the request form in every state worth reading, with the contexts they are rendered with."""

from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import product
from typing import Any

from domain.shared.cases.review_times import ReviewTime
from domain.shared.policy import DayKind
from domain.state.agreements import find_agreement, find_consent_text
from templates.catalogs import translate
from tests.templates.contexts import ANSWERS, KINDS, NPN_LOOKUP, frame
from web.gallery.samples import REFERENCE
from web.public.request.steps import STEPS, FormStep, list_steps
from web.state_form import SHOWN_TEXTS

Build = Callable[..., dict[str, object]]

INSURERS = ["Sample Health", "Example Care"]
STATES = ["AZ", "CO", "OK", "TX", "UT"]


def start(language: str, **changes: object) -> dict[str, object]:
    return {
        **frame(language, "/request?plan_year=2024"),
        "plan_year": 2024,
        "years": [2027, 2026, 2024],
        "values": {"plan_year": "2024"},
        "errors": [],
        "why": "",
        "intake_states": STATES,
        "form_token": None,
        **changes,
    }


def step(language: str, slug: str, kind: str, faulty: bool = False) -> dict[str, object]:
    """A step, empty or with answers that each have a fault, every other one named by its own sentence."""
    steps = list_steps({"kind": kind})
    asked = next(one for one in steps if one.slug == slug)
    fields = ids(asked)
    faults = [{"field": field, "message": f"Fault of {field}"} for field in fields]
    return {
        **frame(language, f"/request/{slug}"),
        "action": f"/request/{slug}?change=1",
        "back": "/request/check",
        "progress": progress(language, steps, steps.index(asked)),
        "form_token": "0a1b2c",
        "kind": "" if slug == "kind" else kind,
        "values": ANSWERS if faulty else {},
        "errors": [{**fault, "named": number % 2 == 1} for number, fault in enumerate(faults)] if faulty else [],
        "fields": fields,
        "rows": INSURERS if faulty else [""],
        "most_rows": 50,
        "known_insurers": ["Sample Health & Care", "Example Mutual"] if faulty else [],
        "npn_lookup": NPN_LOOKUP,
        "intake_states": STATES,
        "agreement": find_agreement("bewellnm", language),
        "consent": find_consent_text(language),
    }


def ids(asked: FormStep) -> list[str]:
    """The fields of a step that can be at fault."""
    rows = ["insurers.1"] if asked.slug == "insurers" else []
    said = ("physical_same", *SHOWN_TEXTS)
    return [*(field for field in asked.fields if field not in said), *rows]


def instead(language: str, detour: str = "other_state", **changes: object) -> dict[str, object]:
    return {
        **frame(language, "/request/instead"),
        "action": "/request/instead",
        "back": "/request/kind",
        "form_token": "0a1b2c",
        "detour": detour,
        "kind": "broker",
        "plan_year": 2024,
        "work_state": "NV",
        "intake_states": STATES,
        "destination": {"label": "Exchange of Sample", "url": "https://sample.example.org", "is_exchange": True},
        "marketplace_url": "/portal/register",
        **changes,
    }


def check(language: str, kind: str, refused: bool = False, **changes: object) -> dict[str, object]:
    steps = list_steps({"kind": kind})
    fault = {"field": "business_address.state", "message": "Fault of it", "named": False, "url": "/request/name#x"}
    return {
        **frame(language, "/request/check"),
        "back": "/request/agreement",
        "progress": progress(language, steps, len(steps)),
        "form_token": "0a1b2c",
        "kind": kind,
        "plan_year": 2024,
        "values": ANSWERS,
        "insurers": INSURERS,
        "same_address": False,
        "errors": [fault] if refused else [],
        "doubts": [{"label": "Which", "message": "Look at it.", "url": "/request/name#x"}] if refused else [],
        **changes,
    }


def done(language: str, kind: str) -> dict[str, object]:
    email = "testa.broker@example.com"
    shown = {"kind": kind, "plan_year": 2024, "email": email, "reference": REFERENCE}
    by = None if kind == "enrollment_counselor" else date(2024, 3, 12)
    return {**frame(language, "/request/done"), **shown, "review": ReviewTime(5, DayKind.BUSINESS, by)}


def progress(language: str, steps: tuple[FormStep, ...], number: int) -> dict[str, Any]:
    titles = [translate(title, language) for title in (*(one.title for one in steps), "Check your answers")]
    return {"number": number, "total": len(titles) - 1, "title": titles[number], "steps": titles[1:]}


ELSEWHERE = {"label": "The marketplace of each state", "url": "https://states.example.gov", "is_exchange": False}
_FAULT = {"field": "plan_year", "message": "Fault of plan_year", "named": False}

REQUEST_PAGES: dict[str, tuple[str, Build]] = {
    "request": ("request/start.html", start),
    "request, one year": ("request/start.html", partial(start, years=[2024], intake_states=[])),
    "request, under way": ("request/start.html", partial(start, form_token="0a1b2c")),
    "request with a fault": ("request/start.html", partial(start, errors=[_FAULT])),
    **{
        f"request, {why}, {token}": ("request/start.html", partial(start, why=why, form_token=token))
        for why, token in (("cookies", None), ("expired", None), ("expired", "0a1b2c"))
    },
    **{
        f"{one.slug}, {kind}, {faulty}": (one.template, partial(step, slug=one.slug, kind=kind, faulty=faulty))
        for kind, one, faulty in product(KINDS, STEPS, (False, True))
        if kind in one.kinds
    },
    "instead, returning": ("request/instead.html", partial(instead, detour="returning")),
    "instead, its own exchange": ("request/instead.html", instead),
    "instead, the marketplace": ("request/instead.html", partial(instead, destination=ELSEWHERE)),
    "instead, nothing known": ("request/instead.html", partial(instead, destination=None)),
    **{f"check, {kind}": ("request/check.html", partial(check, kind=kind)) for kind in KINDS},
    "check, refused": ("request/check.html", partial(check, kind="broker", refused=True)),
    "check, one company, one address": (
        "request/check.html",
        partial(check, kind="agent", insurers=INSURERS[:1], same_address=True),
    ),
    "check, not accepted": (
        "request/check.html",
        partial(check, kind="enrollment_counselor", values={**ANSWERS, "agreement_accepted": "", "employer.name": ""}),
    ),
    **{f"done, {kind}": ("request/done.html", partial(done, kind=kind)) for kind in KINDS},
}
