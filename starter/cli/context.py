"""What a verb of `certify` works with: the stack that runs, or the environment's own settings; it starts nothing."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starter.stack.folder import Document, find_stack

if TYPE_CHECKING:
    from pydantic import ValidationError
    from temporalio.client import Client

    from db.engine import Database
    from db.reads.status import Views
    from db.writes.publications import Publications
    from db.writes.records import Records
    from settings import Settings
    from starter.cases import Cases
    from starter.registrations import Marketplace

DATABASE = ("CERTIFY_DATABASE_URL", "DATABASE_URL")
DATABASE_SECRET = Path("/run/secrets/certify_database_url")
NONE_RUNS = "No stack was found; start one with `certify up`, choose one with --data, or set CERTIFY_DATABASE_URL."


class WrongCall(Exception):
    """The command can't be carried out as it was called; the message is a sentence for the caller."""


@dataclass(frozen=True)
class Doors:
    """The ways in, the way to read, and Temporal itself with the queue that workers listen to."""

    cases: "Cases"
    marketplace: "Marketplace"
    records: "Records"
    views: "Views"
    temporal: "Client"
    task_queue: str


def enter(data: Path | None) -> None:
    """Puts the settings of the stack that is found into the environment, in place of what was there of ours.

    An environment that names a database is a distributed set-up: it stands, unless a folder is given.
    """
    if data is not None or not names_a_database():
        _take_over(_found(data))


def names_a_database() -> bool:
    """Whether the environment, or a secret's file, names the database."""
    return any(os.environ.get(name) for name in DATABASE) or DATABASE_SECRET.exists()


def _found(data: Path | None) -> Document:
    try:
        document = find_stack(data)
    except ValueError as error:
        raise WrongCall(str(error)) from None
    if document is None:
        here = f"No stack runs on {data}; start one with `certify up --data {data}`."
        raise WrongCall(NONE_RUNS if data is None else here)
    return document


def _take_over(document: Document) -> None:
    # TEMPORAL_PROFILE and the like would lead to another server.
    for name in [name for name in os.environ if name.startswith(("CERTIFY_", "TEMPORAL_", "DATABASE_URL"))]:
        del os.environ[name]
    os.environ.update(document["settings"])


def settings_of(data: Path | None) -> "Settings":
    """The settings to work with. Raises `WrongCall` naming those that are missing or not understood."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from settings import load

    enter(data)
    try:
        settings = load()
        if not settings.key:
            raise ValueError("empty")
    except ValidationError as error:
        raise WrongCall(_at_fault(error)) from None
    except SettingsError as error:
        # It says which field, in its sentence only.
        field = re.search(r'"(\w+)"', str(error))
        raise WrongCall(f"Settings are not understood: {_variable((field[1],)) if field else error}.") from None
    except ValueError:
        raise WrongCall("CERTIFY_IDENTITY_KEY has to be a hexadecimal key.") from None
    return settings


def _at_fault(error: "ValidationError") -> str:
    faults = error.errors(include_url=False, include_input=False)
    missing = [_variable(fault["loc"]) for fault in faults if fault["type"] == "missing"]
    others = [_variable(fault["loc"]) for fault in faults if fault["type"] != "missing"]
    parts = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"not understood: {', '.join(others)}"] * bool(others)
    return f"Settings are {'; '.join(parts)}."


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name.upper() if name.upper().startswith("CERTIFY_") else f"CERTIFY_{name.upper()}"


@asynccontextmanager
async def reading(data: Path | None) -> AsyncIterator["Views"]:
    """The way to read; Temporal isn't asked."""
    from db.reads.status import Views

    async with _database(settings_of(data)) as database:
        yield Views(database)


@asynccontextmanager
async def published(data: Path | None) -> AsyncIterator["Publications"]:
    """The way to read the published federal lists."""
    from db.writes.publications import Publications

    async with _database(settings_of(data)) as database:
        yield Publications(database)


@asynccontextmanager
async def acting(data: Path | None) -> AsyncIterator[Doors]:
    """The way in. Temporal is connected to with the first call that needs it."""
    from db.reads.status import Views
    from db.writes.inbox import Inbox
    from db.writes.opening import People
    from db.writes.records import Records
    from db.writes.registrations import Registrations
    from starter.cases import Cases
    from starter.client import connect
    from starter.registrations import Marketplace

    settings = settings_of(data)
    async with _database(settings) as database:
        client = await connect(lazy=True)
        people, records = People(database, settings.key), Records(database, settings.key)
        cases = Cases(client, people, records, Inbox(database), settings.task_queue)
        vendors = {name: vendor.url for name, vendor in settings.vendors.items()}
        marketplace = Marketplace(cases, Registrations(database, settings.key), records, vendors)
        yield Doors(cases, marketplace, records, Views(database), client, settings.task_queue)


@asynccontextmanager
async def _database(settings: "Settings") -> AsyncIterator["Database"]:
    from db.engine import Database

    database = Database(settings.database_url)
    try:
        yield database
    finally:
        await database.close()
