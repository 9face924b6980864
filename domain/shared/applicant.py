"""What every stored request and profile says of who asked."""

from domain.shared.assister import Identity
from domain.shared.stored import StoredData


class StoredAddress(StoredData):
    """A postal address; empty where there is none."""

    line1: str = ""
    line2: str | None = None
    city: str = ""
    state: str = ""
    postal_code: str = ""


class Applicant(StoredData):
    """Who asked; ``language`` is the one they want to be written to in, "en" or "es"."""

    first_name: str
    last_name: str
    email: str
    npn: str | None = None
    language: str = "en"

    @property
    def name(self) -> str:
        """As a certificate shows it; who has one name alone wrote a hyphen for the other."""
        return " ".join(part for part in (self.first_name, self.last_name) if part != "-")

    @property
    def identity(self) -> Identity:
        """What tells them apart from other people."""
        return Identity(self.npn, self.email, self.first_name, self.last_name)
