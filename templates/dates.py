"""Dates and moments as a language writes them, by the clock of a program's own place; no rules of time."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from templates.catalogs import LOCALES

ZONES = {"bewellnm": ZoneInfo("America/Denver"), "ffm": ZoneInfo("America/New_York")}


def day(language: str, value: date, program: str = "bewellnm") -> str:
    """A date written out, a moment as the date it has where the program is."""
    local = value.astimezone(ZONES[program]) if isinstance(value, datetime) else value
    return format_date(local, "long", locale=LOCALES[language])


def moment(language: str, value: datetime, program: str = "bewellnm") -> str:
    """A date and time where the program is, written out."""
    zone = ZONES[program]
    time = format_time(value.astimezone(zone), "h:mm a z", tzinfo=zone, locale=LOCALES[language])
    return f"{day(language, value, program)}, {time}"
