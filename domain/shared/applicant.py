"""What every stored request and profile says of who asked; it was checked when it came, and is read here as it is."""

from pydantic import BaseModel, ConfigDict

from domain.shared.assister import Identity


class StoredAddress(BaseModel):
    """A postal address; empty where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    line1: str = ""
    line2: str | None = None
    city: str = ""
    state: str = ""
    postal_code: str = ""


class Applicant(BaseModel):
    """Who asked; ``language`` is the one they want to be written to in, "en" or "es"."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    first_name: str
    last_name: str
    email: str
    npn: str | None = None
    language: str = "en"

    @property
    def name(self) -> str:
        """As a certificate shows it."""
        return f"{self.first_name} {self.last_name}"

    @property
    def identity(self) -> Identity:
        """By what they are told from others."""
        return Identity(self.npn, self.email, self.first_name, self.last_name)
