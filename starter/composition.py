"""Puts together what acts on cases of both programs, once for web, worker and command line; it connects to nothing."""

from dataclasses import dataclass

from temporalio.client import Client

from db.engine import Database
from settings import Settings
from starter.cases import Cases
from starter.registrations import Registrations


@dataclass(frozen=True)
class CaseServices:
    """The way to cases of either program, and what assisters do with federal registrations besides."""

    cases: Cases
    registrations: Registrations


def build_case_services(settings: Settings, database: Database, client: Client) -> CaseServices:
    """The services over a database and a Temporal client; both stay the caller's to close."""
    cases = Cases(client, database, settings.identity_key_bytes, settings.task_queue)
    vendors = {name: vendor.url for name, vendor in settings.vendors.items()}
    return CaseServices(cases, Registrations(cases, database, settings.identity_key_bytes, vendors))
