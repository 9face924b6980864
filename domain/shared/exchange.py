"""Whose program it is: how an exchange is called and looks, and which agreements it has in force; read from files."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from domain.shared.policy import LANGUAGES, Addresses, Label, PolicyData, TimeZone, check_languages
from domain.shared.words import EXCHANGE, FULL_NAME, RESIDENTS, STATE, STATE_CODE

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]


class Colors(PolicyData):
    """The colours of pages and certificates, as #rrggbb in small letters."""

    header: Color = Field(description="of the head of every page; white has to be readable on it")
    ink: Color = Field(description="of a certificate's text and frame")
    accent: Color = Field(description="of a certificate's lines")


class FooterLinks(PolicyData):
    """Pages that every page leads to from its foot, by language; one that isn't named isn't there."""

    privacy: Addresses | None = Field(default=None, description="how personal data are handled")
    accessibility: Addresses | None = Field(default=None, description="how pages can be used by everybody")
    nondiscrimination: Addresses | None = Field(default=None, description="that nobody is discriminated against")


class AgreementInForce(PolicyData):
    """Which text of an agreement people accept, and whether it is a sample that stands in for one."""

    version: str = Field(description="the text in agreements/{name}.{version}.{language}.txt")
    sample: bool = Field(
        default=False, description="no counsel has approved it: pages, `policy check` and `doctor` say so"
    )


def _read_version(given: object) -> object:
    return {"version": given} if isinstance(given, str) else given


def _read_wordmark(given: object) -> object:
    return dict.fromkeys(LANGUAGES, given) if isinstance(given, str) else given


Wordmark = Annotated[
    dict[str, Name],
    AfterValidator(check_languages),
    BeforeValidator(_read_wordmark, json_schema_input_type=dict[str, Name] | Name),
]


class Signatory(PolicyData):
    """Who stands for certificates, named at their foot; the signature itself is in the file."""

    name: Name
    title: Label = Field(description="what they are at the exchange")


class Exchange(PolicyData):
    """How an exchange, or the federal marketplace, is called and looks, and its agreements."""

    name: Name = Field(description="as people call it, on pages, in letters and as who signs certificates")
    wordmark: Wordmark | None = Field(
        default=None,
        description="its name on certificates, one or by language, *in stars* what is bold; else the name",
    )
    tagline: Label = Field(description="what it is, under its name on certificates")
    time_zone: TimeZone = Field(description="whose clock pages and letters show")
    colors: Colors
    logo: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+\.svg$", description="a file beside this one, shown in the place of the name"
    )
    footer: FooterLinks = FooterLinks()
    signatory: Signatory | None = Field(default=None, description="who is named on certificates; nobody where left out")
    seal: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+\.(svg|png)$", description="a file beside this one, shown on certificates"
    )
    agreements: dict[
        str, Annotated[AgreementInForce, BeforeValidator(_read_version, json_schema_input_type=AgreementInForce | str)]
    ] = Field(
        description="which text of each is in force, by name: its version, or a table of version and sample",
    )


class StateExchange(Exchange):
    """The exchange of a state, which all of its pages and letters name."""

    full_name: Label = Field(description="its name in full, within a sentence")
    state: Label = Field(description="its state, within a sentence")
    state_code: str = Field(pattern=r"^[A-Z]{2}$", description="its two letters: of licences and certificates' numbers")
    residents: Label = Field(description="who lives there, within a sentence")


# In force in this process, by program; put there at start.
EXCHANGES: dict[str, Exchange] = {}


def use_exchanges(exchanges: Mapping[str, Exchange]) -> None:
    """Puts these in force for this process, in the place of all there were."""
    EXCHANGES.clear()
    EXCHANGES.update(exchanges)


def find_state_exchange() -> StateExchange:
    """The state's exchange that is in force."""
    (found,) = [one for one in EXCHANGES.values() if isinstance(one, StateExchange)]
    return found


def describe_words(exchange: StateExchange) -> dict[str, dict[str, str]]:
    """What stands in sentences for the marks of `domain.shared.words`, by language."""
    return {
        language: {
            EXCHANGE: exchange.name,
            FULL_NAME: exchange.full_name[language],
            STATE: exchange.state[language],
            STATE_CODE: exchange.state_code,
            RESIDENTS: exchange.residents[language],
        }
        for language in LANGUAGES
    }
