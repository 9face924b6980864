"""Whose programs they are, as it stands in files: names, looks and the texts of agreements, every fault told (E12)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from domain.federal.agreements import AGREEMENT_NAMES as FEDERAL_AGREEMENTS
from domain.programs.policy_files import (
    FaultyPolicies,
    PolicyFault,
    TomlLines,
    describe_faults,
    parse_toml,
)
from domain.shared.agreements import Agreement
from domain.shared.documents.seals import UnusableSeal, read_seal
from domain.shared.documents.zip_codes import ZipCodes
from domain.shared.exchange import Exchange, StateExchange
from domain.shared.license_words import LicenseWords
from domain.shared.policy import LANGUAGES, PolicyData
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.state.agreements import AGREEMENT_NAME, CONSENT_NAME

Data = TypeVar("Data", bound=PolicyData)

EXCHANGE_FILE = "exchange.toml"
EXCHANGE_MODELS: Mapping[str, type[Exchange]] = {STATE_PROGRAM: StateExchange, FEDERAL_PROGRAM: Exchange}
AGREEMENTS_OF: Mapping[str, frozenset[str]] = {
    STATE_PROGRAM: frozenset({AGREEMENT_NAME, CONSENT_NAME}),
    FEDERAL_PROGRAM: FEDERAL_AGREEMENTS,
}
SAMPLE_TEXT = (
    "This is a sample text; put the one that counsel has approved there as another version, and take the mark away."
)


@dataclass(frozen=True)
class ExchangeFiles:
    """The folder of a program: what the exchange's file is called, its text, and the texts of the files beside it.

    ``beside`` has agreements and the logo, ``pictures`` what may be the seal, by their names within the folder.
    """

    name: str
    program: str
    text: str
    beside: Mapping[str, str]
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadExchange:
    """An exchange with the texts in force of its agreements, by name and language, its logo and its seal, each an SVG
    document; ``samples`` names the texts in it that are samples, each with its line.
    """

    exchange: Exchange
    agreements: Mapping[tuple[str, str], Agreement]
    logo: str | None
    seal: str | None = None
    samples: tuple[PolicyFault, ...] = ()


def name_agreement_file(name: str, version: str, language: str) -> str:
    """Where the text of an agreement stands, within its program's folder."""
    return f"agreements/{name}.{version}.{language}.txt"


def read_exchange(files: ExchangeFiles) -> ReadExchange:
    """The exchange that these files describe. Raises `FaultyPolicies` naming everything wrong."""
    data, lines = parse_toml(files.name, files.text), TomlLines(files.text)
    try:
        exchange = EXCHANGE_MODELS[files.program].model_validate(data)
    except ValidationError as error:
        raise FaultyPolicies(
            PolicyFault(files.name, lines.find(path), sentence) for path, sentence in describe_faults(error)
        ) from None
    if faults := list(_find_missing(files, exchange, lines)):
        raise FaultyPolicies(faults)
    agreements = {
        (name, language): Agreement(
            program=files.program,
            version=chosen.version,
            language=language,
            text=files.beside[name_agreement_file(name, chosen.version, language)],
            is_sample=chosen.sample,
        )
        for name, chosen in exchange.agreements.items()
        for language in LANGUAGES
    }
    samples = tuple(
        PolicyFault(files.name, lines.find(("agreements", name)), f"agreements.{name}: {SAMPLE_TEXT}")
        for name, chosen in exchange.agreements.items()
        if chosen.sample
    )
    logo = files.beside[exchange.logo] if exchange.logo else None
    return ReadExchange(exchange, agreements, logo, _read_seal(files, exchange, lines), samples)


def _read_seal(files: ExchangeFiles, exchange: Exchange, lines: TomlLines) -> str | None:
    """The seal, where there is one. Raises `FaultyPolicies` for a picture that can't be shown."""
    if exchange.seal is None:
        return None
    try:
        return read_seal(exchange.seal, files.pictures.get(exchange.seal, b""))
    except UnusableSeal as error:
        raise FaultyPolicies([PolicyFault(files.name, lines.find(("seal",)), f"seal: {error}")]) from None


def read_license_words(name: str, text: str) -> LicenseWords:
    """The states' words for lines of authority. Raises `FaultyPolicies` naming everything wrong."""
    return _read_data(LicenseWords, name, text)


def read_zip_codes(name: str, text: str) -> ZipCodes:
    """The prefixes of the states' ZIP Codes. Raises `FaultyPolicies` naming everything wrong."""
    return _read_data(ZipCodes, name, text)


def _read_data(model: type[Data], name: str, text: str) -> Data:
    data, lines = parse_toml(name, text), TomlLines(text)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [PolicyFault(name, lines.find(path), sentence) for path, sentence in describe_faults(error)]
        raise FaultyPolicies(faults) from None


def _find_missing(files: ExchangeFiles, exchange: Exchange, lines: TomlLines) -> Iterator[PolicyFault]:
    """What the file names and isn't beside it, and what it has to name and doesn't."""
    wanted = AGREEMENTS_OF[files.program]
    for name in sorted(wanted ^ set(exchange.agreements)):
        what = "Say which version is in force." if name in wanted else "There is no such agreement; remove it."
        yield PolicyFault(files.name, lines.find(("agreements", name)), f"agreements.{name}: {what}")
    for name in sorted(wanted & set(exchange.agreements)):
        for language in LANGUAGES:
            file = name_agreement_file(name, exchange.agreements[name].version, language)
            if not files.beside.get(file, "").strip():
                sentence = f"agreements.{name}: There is no text in {file}; write it there, or name another version."
                yield PolicyFault(files.name, lines.find(("agreements", name)), sentence)
    if exchange.logo and "<svg" not in files.beside.get(exchange.logo, ""):
        sentence = f"logo: There is no SVG in {exchange.logo}; put it beside this file, or leave the logo out."
        yield PolicyFault(files.name, lines.find(("logo",)), sentence)
