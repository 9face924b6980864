"""How the exchanges in force are called and look, for pages, letters and certificates; put there at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Look:
    """A program's name, as it stands on certificates and pages, its colours as #rrggbb, its logo as SVG, its clock.

    ``seal``, an SVG too, and ``signatory``, named with a title by language, are of certificates, which show neither
    where there is none. ``header`` is the colour of pages' heads, the others are of certificates. ``footer`` has the
    addresses that pages lead to from their foot, by name (privacy, accessibility, nondiscrimination) and language.
    """

    name: str
    wordmark: Mapping[str, str]
    tagline: Mapping[str, str]
    header: str
    ink: str
    accent: str
    logo: str | None
    zone: ZoneInfo
    footer: Mapping[str, Mapping[str, str]]
    seal: str | None = None
    signatory: str = ""
    signatory_title: Mapping[str, str] = field(default_factory=dict)


# The id of the state's program, whatever its exchange is called: rooms that know no domain have it from here.
STATE_PROGRAM = "bewellnm"
# By program.
LOOKS: dict[str, Look] = {}
# What stands in sentences for the marks in them, by language.
_WORDS: dict[str, Mapping[str, str]] = {}


def use_looks(looks: Mapping[str, Look], words: Mapping[str, Mapping[str, str]]) -> None:
    """Puts looks, and the words that stand for marks in sentences, in force for this process."""
    LOOKS.clear()
    LOOKS.update(looks)
    _WORDS.clear()
    _WORDS.update(words)


def find_footer_links(program: str, language: str) -> dict[str, str]:
    """The addresses of the pages that a program's pages lead to from their foot, by name."""
    return {name: addresses[language] for name, addresses in LOOKS[program].footer.items()}


def fill_marks(sentence: str, language: str) -> str:
    """A sentence with what the exchange in force is called in the place of its marks."""
    if "[" in sentence:
        for mark, word in _WORDS.get(language, {}).items():
            sentence = sentence.replace(mark, word)
    return sentence
