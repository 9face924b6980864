"""Puts together what acts on cases of both programs, once for web, worker and command line; it connects to nothing."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from temporalio.client import Client

from db.engine import Database
from domain.shared.documents.dialects import DIALECTS
from domain.shared.programs import STATE_PROGRAM
from domain.shared.senders import ABSORB_SENDER, ReportKind, Sender, build_sender
from domain.shared.third_parties import ThirdParty
from settings import Settings
from starter.appeals import Appeals
from starter.bounces import Bounces
from starter.cases import Cases
from starter.claims import Claims
from starter.imports import Imports
from starter.registrations import Registrations
from starter.seasons import Seasons


@dataclass(frozen=True)
class CaseServices:
    """The way to cases and claims of either program, and what assisters do with federal registrations besides."""

    cases: Cases
    claims: Claims
    registrations: Registrations
    seasons: Seasons
    appeals: Appeals
    imports: Imports
    bounces: Bounces


def build_case_services(settings: Settings, database: Database, client: Client) -> CaseServices:
    """The services over a database and a Temporal client; both stay the caller's to close."""
    key, answer_within = settings.identity_key_bytes, timedelta(seconds=settings.command_seconds)
    cases = Cases(client, database, key, settings.task_queue, settings.web_url, answer_within)
    vendors = {name: vendor.url for name, vendor in settings.vendors.items()}
    return CaseServices(
        cases,
        Claims(cases, database, key),
        Registrations(cases, database, key, vendors),
        Seasons(client, database, settings.task_queue),
        Appeals(client, database, cases, settings.task_queue),
        Imports(database, key),
        Bounces(database, key),
    )


def list_third_parties(settings: Settings) -> list[ThirdParty]:
    """Whom this exchange is set up to call."""
    set_up = {ThirdParty.REGISTRY_ALERTS: settings.registry_alerts_url, ThirdParty.ABSORB: settings.absorb}
    return [one for one in ThirdParty if set_up.get(one, True)]


def build_absorb_sender(settings: Settings) -> Sender:
    """The sender as which the Absorb that is asked reports: for who asks it, and for staff who settle its reports."""
    known = settings.absorb
    zone, activities = (ZoneInfo(known.zone), known.activities) if known else (UTC, {})
    kinds = [ReportKind.TRAINING, ReportKind.EXAM]
    return build_sender(ABSORB_SENDER, STATE_PROGRAM, kinds, DIALECTS["absorb"], zone, activities=activities)
