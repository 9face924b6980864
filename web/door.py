"""What every route is handed: the way in (`Cases`), the way to read (`Views`), settings and page templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from jinja2 import Environment

from db.inbox import Inbox
from db.publications import Publications
from db.records import Records
from db.views import Views
from settings import Settings
from starter.cases import Cases
from starter.marketplace import Marketplace

TEMPLATES = Path(__file__).parent.parent / "templates"
STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Door:
    """The web process's parts, built once in web/app.py."""

    settings: Settings
    cases: Cases
    marketplace: Marketplace
    views: Views
    publications: Publications
    inbox: Inbox
    records: Records
    pages: Mapping[str, Environment]


def door(request: Request) -> Door:
    """The parts of the process that serves this request; a FastAPI dependency."""
    found: Door = request.app.state.door
    return found
