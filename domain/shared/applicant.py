"""What every stored request and profile says of who asked."""

from typing import Literal

from domain.shared.assister import Identity
from domain.shared.stored import StoredData


class StoredAddress(StoredData):
    """A postal address; empty where there is none."""

    line1: str = ""
    line2: str | None = None
    city: str = ""
    state: str = ""
    postal_code: str = ""


# How Spanish may speak of somebody, who says so themselves; empty: as it is written for everybody.
AddressedAs = Literal["", "feminine", "masculine", "neutral"]


def is_unsaid(addressed_as: str) -> bool:
    """Whether somebody has not said how Spanish is to speak of them."""
    return not addressed_as


class Applicant(StoredData):
    """Who asked; ``language`` is the one they want to be written to in, "en" or "es".

    ``addressed_as``: how letters, pages and the certificate in Spanish speak of them, an `AddressedAs`.
    """

    first_name: str
    last_name: str
    email: str
    npn: str | None = None
    language: str = "en"
    addressed_as: str = ""

    @property
    def name(self) -> str:
        """As a certificate shows it; who has one name alone wrote a hyphen for the other."""
        return " ".join(part for part in (self.first_name, self.last_name) if part != "-")

    @property
    def identity(self) -> Identity:
        """What tells them apart from other people."""
        return Identity(self.npn, self.email, self.first_name, self.last_name)
