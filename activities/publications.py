"""The publication of the federal lists, a step at a time; what they say is in `domain.federal.lists` (B18–B20)."""

from collections.abc import Callable, Container, Iterable
from datetime import date

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from db.engine import Database
from db.writes.federal.publications import make_current, open_publication, stage_changes, tidy_lines
from domain.federal.lists import EASTERN
from domain.shared.business_days import is_business_day
from domain.shared.round_messages import PublicationOpened, Published, PublishOrder, Staged

Holidays = Callable[[Iterable[int]], Container[date]]


class PublicationsActivities(contracts.Publications):
    """Opens, stages and makes current; ``holidays`` tells the days of whole years on which offices are closed."""

    def __init__(self, database: Database, holidays: Holidays) -> None:
        self._database = database
        self._holidays = holidays

    @activity.defn(name="publications.open")
    async def open_publication(self, order: PublishOrder) -> PublicationOpened:
        """See the contract."""
        day = order.at.astimezone(EASTERN).date()
        if not order.forced and not is_business_day(day, self._holidays([day.year])):
            return PublicationOpened()
        number = await self._database.write(open_publication, day, read_clock(order.at), forced=order.forced)
        return PublicationOpened(number=number)

    @activity.defn(name="publications.stage")
    async def stage_page(self, order: PublishOrder) -> Staged:
        """See the contract."""
        rows, more = await self._database.write(stage_changes, order.number)
        return Staged(rows=rows, more=more)

    @activity.defn(name="publications.make_current")
    async def make_current(self, order: PublishOrder) -> Published:
        """See the contract."""
        rows = await self._database.write(make_current, order.number, read_clock(order.at))
        return Published(number=order.number, rows=rows)

    @activity.defn(name="publications.tidy")
    async def delete_replaced(self, order: PublishOrder) -> Staged:
        """See the contract."""
        rows, more = await self._database.write(tidy_lines)
        return Staged(rows=rows, more=more)
