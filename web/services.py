"""What every route is handed: the way to the workflows (`Cases`), the database, settings and page templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from jinja2 import Environment

from db.engine import Database
from db.reads.numbers import StaffNumbers
from domain.shared.cases.notices import Topic
from domain.shared.policy import describe_contact, find_current_policy
from domain.state.policies import POLICIES
from settings import Settings
from starter.appeals import Appeals
from starter.bounces import Bounces
from starter.cases import Cases, now
from starter.claims import Claims
from starter.imports import Imports
from starter.previews import LetterPreviews
from starter.registrations import Registrations
from starter.seasons import Seasons

if TYPE_CHECKING:
    from web.http.defence.senders import KnownSenders
    from web.http.identity_provider import IdentityProvider
    from web.http.proofing import ProofingProvider
    from web.http.rate_limits import RateLimiter

TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True)
class Services:
    """What the web process is built of, once, in web/app.py."""

    settings: Settings
    senders: "KnownSenders"
    database: Database
    cases: Cases
    claims: Claims
    registrations: Registrations
    seasons: Seasons
    appeals: Appeals
    imports: Imports
    bounces: Bounces
    previews: LetterPreviews
    numbers: StaffNumbers
    rate_limiter: "RateLimiter"
    identity_provider: "IdentityProvider | None"
    proofing: "ProofingProvider | None"
    pages: Mapping[str, Environment]

    def describe_general_contact(self, language: str) -> dict[str, str | None]:
        """The contact of a page that is about nobody's case: that of the state program, whose site this is."""
        return describe_contact(find_current_policy(POLICIES.values(), now()), Topic.GENERAL, language)


async def get_services(request: Request) -> Services:
    """The services of the process that serves this request; a FastAPI dependency.

    It awaits nothing, as some others: without ``async`` each request would take it in a thread of its own.
    """
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(get_services)]
