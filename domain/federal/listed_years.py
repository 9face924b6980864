"""What a line of the Registration Completion List says to who asks whether an NPN is on it (B19, B21)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from domain.federal.lists import COLUMNS, DATE_FORMAT, VALID, PublishedList
from domain.federal.markets import Market


@dataclass(frozen=True)
class ListedMarket:
    """A market on the list: since when, until when if that is fixed, and whether the registration stands in it."""

    market: Market
    since: date
    until: date | None
    stands: bool


@dataclass(frozen=True)
class ListedYear:
    """What the list says of an NPN in one plan year."""

    plan_year: int
    markets: tuple[ListedMarket, ...]

    @property
    def stands(self) -> bool:
        """Whether the registration stands in some market."""
        return any(one.stands for one in self.markets)


def read_listed_years(lines: Iterable[list[str]], today: date) -> dict[int, ListedYear]:
    """The lines of an NPN by their plan years; ``today`` is the date of the marketplace.

    A registration that has ended or is suspended keeps its line, and doesn't stand: its end is over, or nothing says
    that the NPN is valid.
    """
    rows = (dict(zip(COLUMNS[PublishedList.RCL], cells, strict=True)) for cells in lines)
    years = (_read_year(row, today) for row in rows)
    return {year.plan_year: year for year in years}


def _read_year(row: Mapping[str, str], today: date) -> ListedYear:
    is_valid, is_barred = row["npn_valid_current_plan_year_only"] == VALID, row["status"].startswith("T")
    columns = {
        Market.INDIVIDUAL: ("individual_registration_completion_date", "individual_marketplace_end_date"),
        Market.SHOP: ("shop_registration_completion_date", "shop_end_date"),
    }
    markets = []
    for market, (since_column, until_column) in columns.items():
        since, until = _parse_day(row[since_column]), _parse_day(row[until_column])
        if since is not None:
            is_over = until is not None and (until < today or (is_barred and until == today))
            markets.append(ListedMarket(market, since, until, is_valid and not is_over))
    return ListedYear(int(row["applicable_plan_year"]), tuple(markets))


def _parse_day(text: str) -> date | None:
    return datetime.strptime(text, DATE_FORMAT).date() if text else None  # noqa: DTZ007 a day has no zone
