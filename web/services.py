"""What every route is handed: the way in (`Cases`), the way to read (`Views`), settings and page templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request
from jinja2 import Environment

from db.reads.access_log import Looks
from db.reads.console import Console
from db.reads.status import Views
from db.writes.drafts import Drafts
from db.writes.inbox import Inbox
from db.writes.publications import Publications
from db.writes.records import Records
from db.writes.sessions import Sessions
from settings import Settings
from starter.cases import Cases
from starter.registrations import Marketplace

if TYPE_CHECKING:
    from web.http.identity_provider import IdentityProvider
    from web.http.rate_limits import Rates

TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True)
class Door:
    """The web process's parts, built once in web/app.py."""

    settings: Settings
    cases: Cases
    marketplace: Marketplace
    views: Views
    console: Console
    looks: Looks
    publications: Publications
    inbox: Inbox
    records: Records
    sessions: Sessions
    drafts: Drafts
    rates: "Rates"
    identity: "IdentityProvider | None"
    pages: Mapping[str, Environment]


def door(request: Request) -> Door:
    """The parts of the process that serves this request; a FastAPI dependency."""
    found: Door = request.app.state.door
    return found
