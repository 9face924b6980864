"""The federal lists in tests: published as the worker publishes them, read as a reader does."""

from datetime import datetime

from db.engine import Database
from db.reads.federal.published_lists import Cells, find_current, stream_list
from db.writes.federal.publications import make_current, open_publication, stage_changes, tidy_lines
from domain.federal.lists import PublishedList


async def publish_lists(database: Database, at: datetime, tidied: bool = False) -> int:
    """A whole publication, also on a day that has its own; its number."""
    number = await database.write(open_publication, at.date(), at, forced=True)
    await stage_all(database, number)
    await database.write(make_current, number, at)
    while tidied and (await database.write(tidy_lines))[1]:
        pass
    return number


async def stage_all(database: Database, number: int) -> int:
    """Stages every page; how many lines."""
    lines, more = 0, True
    while more:
        staged, more = await database.write(stage_changes, number)
        lines += staged
    return lines


async def read_list(
    database: Database, name: PublishedList, number: int | None = None, plan_year: int | None = None
) -> list[Cells]:
    """The lines of a list as a publication has them, the current one if not said otherwise."""
    if number is None:
        number = (await database.read(find_current)).number
    return [cells async for page in stream_list(database, name, number, plan_year) for cells in page]
