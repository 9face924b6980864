"""What the states call the health line of authority, and how long a renewal may be under way: data from a file."""

from pydantic import Field

from domain.shared.policy import PolicyData


class LicenseWords(PolicyData):
    """The states' words for lines of authority: in small letters, *and* written out, without punctuation (E15)."""

    usual: frozenset[str] = Field(description="for the health line, in any state")
    states: dict[str, frozenset[str]] = Field(description="for the health line, a state's own besides the usual ones")
    hints: tuple[str, ...] = Field(description="what a health line under other words may have in it")
    other_lines: tuple[str, ...] = Field(description="what tells another line from it")
    renewal_days: int = Field(ge=0, description="days after its last day for which a licence may be under renewal")


# In force in this process; put there at start.
_IN_FORCE: list[LicenseWords] = []


def use_license_words(words: LicenseWords) -> None:
    """Puts these words in force for this process."""
    _IN_FORCE[:] = [words]


def find_license_words() -> LicenseWords:
    """The words in force."""
    (found,) = _IN_FORCE
    return found
