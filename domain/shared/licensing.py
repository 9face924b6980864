"""What a licence registry says of a producer, in our own words; no registry's format is known here."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict


class License(BaseModel):
    """One state licence of a producer. ``state`` is a two-letter code, ``expires`` the last valid day."""

    model_config = ConfigDict(frozen=True)

    state: str
    number: str
    residency: Literal["resident", "nonresident"] | None
    active: bool
    expires: date | None
    lines: tuple[str, ...]


class Producer(BaseModel):
    """The holder of a National Producer Number (NPN): a person or a firm (A13, B10).

    ``contact_emails`` are the addresses at which the registry reaches them, in lower case (D2).
    """

    model_config = ConfigDict(frozen=True)

    npn: str
    entity: Literal["individual", "firm"]
    first_name: str
    last_name: str
    suffix: str = ""
    company: str
    contact_emails: tuple[str, ...] = ()
    licenses: tuple[License, ...]
