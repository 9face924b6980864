"""Tells this process what the mail server carries, as the worker has heard it from the server (P22)."""

import asyncio

import structlog

from db.engine import Database
from db.reads.house.operations import carries_letters
from domain.shared.documents.fields import MAIL_ROUTE
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)

EVERY = 5.0


async def adopt_mail_route(database: Database) -> None:
    """Has addresses judged by what the mail server said last; before it said anything they are all plain."""
    MAIL_ROUTE.carries_letters = await database.read(carries_letters)


async def keep_adopting(database: Database, every: float = EVERY) -> None:
    """Until cancelled; while the database doesn't answer, what was heard before stands."""
    while True:
        try:
            await adopt_mail_route(database)
        except Exception as error:  # the next round asks again
            log.warning("mail route not read", error=type(error).__name__, where=locate_error(error))
        await asyncio.sleep(every)
