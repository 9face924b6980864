"""An agreement's wording, of either program; not the record that somebody accepted one (A3, B16)."""

from hashlib import sha256

from pydantic import BaseModel, ConfigDict


class Agreement(BaseModel):
    """One wording of an agreement: what is kept of an acceptance is its version, language and hash (A3).

    ``is_sample``: its exchange says that it stands in for a text which counsel has yet to approve.
    """

    model_config = ConfigDict(frozen=True)

    program: str
    version: str
    language: str
    text: str
    is_sample: bool = False

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the text in UTF-8."""
        return sha256(self.text.encode()).hexdigest()
