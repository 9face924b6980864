"""What a verb of `certify` works with: the settings of the stack that runs or of the environment, and services."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starter.stack.folder import Document, find_stack

if TYPE_CHECKING:
    from temporalio.client import Client

    from db.engine import Database
    from settings import Settings
    from starter.appeals import Appeals
    from starter.bounces import Bounces
    from starter.cases import Cases
    from starter.claims import Claims
    from starter.imports import Imports
    from starter.registrations import Registrations
    from starter.seasons import Seasons

DATABASE = ("CERTIFY_DATABASE_URL", "DATABASE_URL")
DATABASE_SECRET = Path("/run/secrets/certify_database_url")
NONE_RUNS = "No stack was found; start one with `certify up`, choose one with --data, or set CERTIFY_DATABASE_URL."


class UsageError(Exception):
    """The command can't be carried out as it was called; the message is a sentence for the caller."""


class NothingToWorkOn(UsageError):
    """No stack runs and no settings are complete: another call of the verb would be answered alike."""


class NotDone(Exception):
    """What was asked for isn't so, or wasn't done; the message is a sentence of the command line's own."""


@dataclass(frozen=True)
class CommandServices:
    """What a verb that acts needs: the database, the cases of both programs, Temporal and its task queue."""

    database: "Database"
    cases: "Cases"
    claims: "Claims"
    registrations: "Registrations"
    seasons: "Seasons"
    appeals: "Appeals"
    imports: "Imports"
    bounces: "Bounces"
    temporal: "Client"
    task_queue: str

    async def read_status(self, case: str) -> Document:
        """The status document as it is now."""
        from db.reads.status import read_status
        from starter.cases import now

        return await self.database.read(read_status, case, now())

    async def read_language(self, case: str) -> str:
        """The language that the assister of a case reads, "en" or "es"."""
        from db.case_state import applicant_of, load_case

        return applicant_of(await self.database.read(load_case, case)).language

    async def read_staff_names(self) -> dict[str, str]:
        """What staff are called, by who the audit names."""
        from db.reads.house.staff_names import list_staff_names

        return await self.database.read(list_staff_names)


# settings


def find_settings(data: Path | None) -> "Settings":
    """The settings to work with, and their policies put in force.

    Raises `NothingToWorkOn` naming settings that are missing or not understood, `NotDone` where policies have faults.
    """
    from domain.programs.policy_files import FaultyPolicies
    from starter.doctor import InvalidSettings, read_settings
    from starter.policies import load_policies

    _choose_settings(data)
    try:
        settings = read_settings()
        load_policies(settings.policies, trying=settings.trying)
    except InvalidSettings as error:
        raise NothingToWorkOn(str(error)) from None
    except FaultyPolicies as error:
        raise NotDone(
            f"The policies have faults; `certify policy check` names all of them. {error.faults[0]}"
        ) from None
    return settings


def _choose_settings(data: Path | None) -> None:
    """Leaves the environment as it is where it names a database, unless a folder is given; else a stack's settings."""
    if data is not None or not has_database_setting():
        _adopt_settings(_find_stack(data))


def has_database_setting() -> bool:
    """Whether the environment, or a secret's file, names a database: then it is a distributed set-up's."""
    return any(os.environ.get(name) for name in DATABASE) or DATABASE_SECRET.exists()


def _find_stack(data: Path | None) -> Document:
    try:
        document = find_stack(data)
    except ValueError as error:
        raise NothingToWorkOn(str(error)) from None
    if document is None:
        here = f"No stack runs on {data}; start one with `certify up --data {data}`."
        raise NothingToWorkOn(NONE_RUNS if data is None else here)
    return document


def _adopt_settings(document: Document) -> None:
    # What is left of the environment's own, such as TEMPORAL_PROFILE, would lead to another server.
    for name in [name for name in os.environ if name.startswith(("CERTIFY_", "TEMPORAL_", "DATABASE_URL"))]:
        del os.environ[name]
    os.environ.update(document["settings"])


# services


@asynccontextmanager
async def open_database(data: Path | None) -> AsyncIterator["Database"]:
    """The database, for what is only read; Temporal isn't asked."""
    async with _connect_database(find_settings(data)) as database:
        yield database


@asynccontextmanager
async def open_services(data: Path | None) -> AsyncIterator[CommandServices]:
    """Everything a verb that acts needs. Temporal is connected to by the first call that needs it."""
    from starter.client import connect_client
    from starter.composition import build_case_services
    from starter.mail_route import adopt_mail_route

    settings = find_settings(data)
    async with _connect_database(settings) as database:
        await adopt_mail_route(database)
        client = await connect_client(lazy=True)
        acting = build_case_services(settings, database, client)
        yield CommandServices(
            database,
            acting.cases,
            acting.claims,
            acting.registrations,
            acting.seasons,
            acting.appeals,
            acting.imports,
            acting.bounces,
            client,
            settings.task_queue,
        )


@asynccontextmanager
async def _connect_database(settings: "Settings") -> AsyncIterator["Database"]:
    from db.engine import Database

    database = Database(settings.database_url)
    try:
        yield database
    finally:
        await database.close()
