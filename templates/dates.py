"""Dates, moments and spans as a language writes them, by the clock of a program's own place; no rules of time."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from babel.dates import format_date, format_time
from babel.units import format_unit

from templates.catalogs import LOCALES
from templates.exchange import LOOKS, STATE_PROGRAM

DAY, HOUR, MINUTE = 86400, 3600, 60  # seconds


def format_day(language: str, value: date, program: str = STATE_PROGRAM) -> str:
    """A date written out, a moment as the date it has where the program is."""
    local = value.astimezone(LOOKS[program].zone) if isinstance(value, datetime) else value
    return format_date(local, "long", locale=LOCALES[language])


def format_moment(language: str, value: datetime, program: str = STATE_PROGRAM) -> str:
    """A date and time where the program is, written out."""
    return f"{format_day(language, value, program)}, {_format_time(language, value, program)}"


def format_short_day(language: str, value: date, program: str = STATE_PROGRAM) -> str:
    """A date as tables have room for, a moment as the date it has where the program is."""
    return _format_short(
        language, value.astimezone(LOOKS[program].zone).date() if isinstance(value, datetime) else value
    )


def format_short_moment(language: str, value: datetime, program: str = STATE_PROGRAM) -> str:
    """A date and time as tables have room for."""
    return f"{format_short_day(language, value, program)}, {_format_time(language, value, program)}"


def format_elapsed(language: str, since: datetime, until: datetime) -> str:
    """How long it has been, in full days; in hours within the first one, in minutes within the first of those."""
    unit, number = _choose_unit((until - since).total_seconds())
    return _format_count(language, unit, int(number))


def format_span(language: str, value: timedelta) -> str:
    """About how long something took, in days, hours, minutes or seconds, in short; below ten of them to a tenth."""
    seconds = value.total_seconds()
    unit, number = _choose_unit(seconds) if seconds >= MINUTE else ("second", seconds)
    return _format_count(language, unit, round(number, 1 if number < 10 else None), "short")


def _choose_unit(seconds: float) -> tuple[str, float]:
    """In the largest unit that it reaches, a minute at least."""
    if seconds >= DAY:
        return "day", seconds / DAY
    return ("hour", seconds / HOUR) if seconds >= HOUR else ("minute", max(seconds / MINUTE, 1))


# Tables hold the same few dates, times and spans again and again.
@lru_cache(4096)
def _format_time(language: str, value: datetime, program: str) -> str:
    zone = LOOKS[program].zone
    return format_time(value.astimezone(zone), "h:mm a z", tzinfo=zone, locale=LOCALES[language])


@lru_cache(4096)
def _format_short(language: str, value: date) -> str:
    return format_date(value, "medium", locale=LOCALES[language])


@lru_cache(4096)
def _format_count(language: str, unit: str, number: float, length: Literal["short", "long"] = "long") -> str:
    return format_unit(number, f"duration-{unit}", length, locale=LOCALES[language])
