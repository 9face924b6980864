"""What the pages share: the reader's language, the contact of the topic, rendering, content negotiation; no routes."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse

from domain.shared.faults import Fault
from domain.shared.notices import Topic
from domain.shared.policy import Contact, ProgramPolicy, local_date, window_faults
from domain.state.policies import POLICIES
from domain.state.policy import Policy
from templates.catalogs import LANGUAGES, N_, translate
from web.http.limits import LANGUAGE_COOKIE
from web.http.text import in_language
from web.services import Services

Rules = TypeVar("Rules", bound=ProgramPolicy)

# A page may be about one person, and its address a secret.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex"}

# A page that is the same for everybody who reads its language.
OPEN = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"}

# Title and detail of what can't be shown.
PROBLEMS: dict[str, tuple[str, str]] = {
    "unknown_link": (
        N_("This link does not work"),
        N_(
            "It is not complete, or it has expired. Please use the link in the newest e-mail you have from us. "
            "If that one does not work either, contact us and we will send you a new one."
        ),
    ),
    "identity_conflict": (
        N_("We could not take your request"),
        N_(
            "Your National Producer Number (NPN) is already in use under another name or e-mail address. "
            "Our staff have been told and will look at it."
        ),
    ),
    "not_now": (
        N_("We can't take this now"),
        N_(
            "Your certification has moved on since you opened the page. Please open your status page again to see "
            "where it stands."
        ),
    ),
    "no_certificate": (
        N_("There is no certificate yet"),
        N_("You get it once every step before it is done. See your status page."),
    ),
    "no_file": (
        N_("We can't show your certificate right now"),
        N_("Please try again later."),
    ),
    "not_allowed": (
        N_("You may not do this"),
        N_("Your role does not include it. Ask somebody whose role does, or sign in with another account."),
    ),
    "stale_page": (
        N_("Please send it again"),
        N_("The page you sent this from is out of date: open it again, then send it again. Nothing was changed."),
    ),
    "no_page": (
        N_("Page not found"),
        N_("There is nothing under this address. It may be mistyped, or what it led to is gone."),
    ),
    "too_many": (
        N_("Too many in a short time"),
        N_("We have had too many of these from your address. Please wait a few minutes, then try again."),
    ),
    "unreadable": (
        N_("We could not read this"),
        N_("Your browser sent something this page does not understand. Please go back and try again."),
    ),
    "unknown_kind": (
        N_("Page not found"),
        N_("There are resources for agents, brokers and enrollment counselors."),
    ),
}


def language_of(request: Request, own: str | None = None) -> str:
    """``lang`` in the address, or in one before; else the reader's own; else the browser's; else English."""
    chosen = [request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)]
    wanted = [*chosen, own, *_preferred(request.headers.get("accept-language", ""))]
    return next((language for language in wanted if language in LANGUAGES), "en")


def wants_json(request: Request) -> bool:
    """Whether JSON is preferred to HTML; where both weigh the same, the one named more closely, else HTML."""
    accepted = _weights(request.headers.get("accept", "")) or {"*/*": 1.0}
    return _weight(accepted, "application/json") > _weight(accepted, "text/html")


def open_of(policies: Iterable[Rules], now: datetime) -> list[Rules]:
    """Of one program's policies those whose window is open, newest first."""
    newest = sorted(policies, key=lambda policy: -policy.plan_year)
    return [policy for policy in newest if policy.windows.open_on(local_date(policy, now))]


def current_of(policies: Collection[Rules], now: datetime) -> Rules:
    """The newest policy that is open; where none is, the newest of all."""
    return next(iter(open_of(policies, now)), max(policies, key=lambda policy: policy.plan_year))


def current_policy(now: datetime) -> Policy:
    """The state program's newest policy that is open; where none is, the newest of all."""
    return current_of(POLICIES.values(), now)


def chosen(policies: Collection[Rules], plan_year: str | None, now: datetime) -> tuple[Rules, list[Fault]]:
    """The policy of the plan year asked for; the current one, and why, where that isn't open."""
    current = current_of(policies, now)
    if plan_year is None:
        return current, []
    asked = next((policy for policy in policies if str(policy.plan_year) == plan_year), None)
    if asked is None:
        return current, [Fault("plan_year", "no_policy")]
    faults = window_faults(asked, local_date(asked, now))
    return (current, faults) if faults else (asked, [])


def contact_of(policy: ProgramPolicy, topic: Topic, language: str) -> dict[str, str | None]:
    """The one contact a page of this topic shows (A31)."""
    contact: Contact = getattr(policy.contacts, topic)
    return {"label": contact.label[language], "phone": contact.phone, "email": contact.email}


def general_contact(language: str) -> dict[str, str | None]:
    """The contact of a page that is about nobody's case."""
    return contact_of(current_policy(datetime.now(UTC)), Topic.GENERAL, language)


def render(
    services: Services,
    template: str,
    language: str,
    contact: Mapping[str, str | None],
    *,
    here: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] = PRIVATE,
    **values: Any,
) -> HTMLResponse:
    """A page; ``here`` is the address to open it again in the other language, None where it can't be opened again."""
    other = "es" if language == "en" else "en"
    switch_url = in_language(here, other) if here else None
    text = services.pages[language].get_template(template).render(contact=contact, switch_url=switch_url, **values)
    return HTMLResponse(text, status, {"Content-Language": language, **headers})


def problem_page(
    services: Services,
    what: str,
    status: int,
    language: str,
    contact: Mapping[str, str | None],
    here: str | None = None,
) -> HTMLResponse:
    """What went wrong, for people: one of `PROBLEMS`."""
    title, detail = (translate(sentence, language) for sentence in PROBLEMS[what])
    return render(
        services, "problem.html", language, contact, here=here, status=status, title=title, detail=detail, errors=[]
    )


def is_page(request: Request) -> bool:
    """Whether somebody with a browser asks for one of the pages, and not a program."""
    for_programs = request.url.path.startswith(("/api/", "/webhooks/", "/xapi/"))
    return not for_programs and "text/html" in request.headers.get("accept", "")


def error_page(request: Request, what: str, status: int, headers: Mapping[str, str]) -> HTMLResponse:
    """What went wrong before a page's own code was reached: one of `PROBLEMS`."""
    language = language_of(request)
    answer = problem_page(request.app.state.services, what, status, language, general_contact(language))
    answer.headers.update(headers)
    return answer


def _preferred(header: str) -> list[str]:
    """Languages a browser asks for, most wanted first, without their regions."""
    weights = _weights(header)
    return [name.partition("-")[0] for name in sorted(weights, key=lambda name: -weights[name]) if weights[name] > 0]


def _weight(accepted: Mapping[str, float], media: str) -> tuple[float, int]:
    """How much a media type is wanted, and how closely it was named; (0, 0) where it isn't."""
    ranges = {media: 3, media.partition("/")[0] + "/*": 2, "*/*": 1}
    named = next((one for one in ranges if one in accepted), None)
    return (accepted[named], ranges[named]) if named and accepted[named] > 0 else (0.0, 0)


def _weights(header: str) -> dict[str, float]:
    """Names and their q of an Accept header; 0 where q is no number."""
    found = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        if name:
            found[name] = float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0
    return found
