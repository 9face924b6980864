"""Knows the federal holidays, by the library `holidays`; domain/shared/business_days.py says what a business day is."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from adapters.http import Refused
from domain.federal.policies import list_closed_days


def list_federal_holidays(years: Iterable[int]) -> frozenset[date]:
    """The federal holidays of whole years with the days on which they are observed.

    Of a year whose last day observes the next one's New Year's Day, that day is among them. Raises
    Refused("calendar_unknown") for a year the library doesn't know.
    """
    return _list_known_holidays(frozenset(years))


@lru_cache(64)
def _list_known_holidays(asked: frozenset[int]) -> frozenset[date]:
    # Imported here: it costs the worker's start a tenth of a second.
    from holidays import country_holidays

    known = country_holidays("US", years=asked, expand=False)
    unknown = sorted(year for year in asked if not known.start_year <= year <= known.end_year)
    if unknown:
        raise Refused("calendar_unknown", f"no federal holidays are known of {', '.join(map(str, unknown))}")
    return frozenset(known)


def list_days_off(years: Iterable[int]) -> frozenset[date]:
    """The days on which federal offices are closed: the holidays of whole years, and days by executive order (P26).

    Raises as `list_federal_holidays`.
    """
    return list_federal_holidays(years) | list_closed_days()
