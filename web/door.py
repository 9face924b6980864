"""What every route is handed: the way in (`Cases`), the way to read (`Views`), settings and page templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request
from jinja2 import Environment

from db.console import Console
from db.drafts import Drafts
from db.inbox import Inbox
from db.looks import Looks
from db.publications import Publications
from db.records import Records
from db.sessions import Sessions
from db.views import Views
from settings import Settings
from starter.cases import Cases
from starter.marketplace import Marketplace

if TYPE_CHECKING:
    from web.identity import IdentityProvider
    from web.rates import Rates

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
