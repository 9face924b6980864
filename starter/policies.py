"""Reads the policies from their folder and puts them in force: a file a plan year, and whose programs they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from domain.federal.agreements import use_marketplace_agreements
from domain.programs.exchange_files import (
    EXCHANGE_FILE,
    EXCHANGE_MODELS,
    ExchangeFiles,
    ReadExchange,
    name_agreement_file,
    read_exchange,
    read_license_words,
    read_zip_codes,
)
from domain.programs.policies import use_policies
from domain.programs.policy_files import LONGEST, FaultyPolicies, PolicyFault, PolicyFile, read_policies
from domain.shared.documents.seals import LARGEST_SEAL
from domain.shared.documents.zip_codes import ZipCodes, use_zip_codes
from domain.shared.exchange import StateExchange, describe_words, use_exchanges
from domain.shared.license_words import LicenseWords, use_license_words
from domain.shared.policy import LANGUAGES, ProgramPolicy
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.shared.words import use_words
from domain.state.agreements import CONSENT_NAME, use_agreements
from domain.state.policy import Policy
from templates.exchange import Look, use_looks

SHIPPED = Path(__file__).resolve().parent.parent / "policies"
ZIP_CODES = "zip_codes.toml"
MOST_FILES = 200

Data = TypeVar("Data")


@dataclass(frozen=True)
class PolicyFolder:
    """What a folder of policies holds, without a fault: the rules of every plan year, and whose each program is."""

    policies: Sequence[ProgramPolicy]
    exchanges: Mapping[str, ReadExchange]
    license_words: LicenseWords
    zip_codes: ZipCodes

    def list_warnings(self) -> list[PolicyFault]:
        """What is not at fault and has to be looked at before it is for real: samples, a text about another company."""
        samples = [sample for _, one in sorted(self.exchanges.items()) for sample in one.samples]
        return [*samples, *self._find_other_companies()]

    def _find_other_companies(self) -> Iterator[PolicyFault]:
        """The texts about the background check that don't name who makes it by the newest rules (A14)."""
        newest = max((one for one in self.policies if isinstance(one, Policy)), key=lambda one: one.plan_year)
        state, agency = self.exchanges[STATE_PROGRAM], newest.report_agency
        for language in LANGUAGES:
            text = state.agreements[CONSENT_NAME, language]
            if agency is not None and agency.name not in text.text:
                file = name_agreement_file(CONSENT_NAME, text.version, language)
                sentence = (
                    f"{agency.name}, who makes the reports by the rules for {newest.plan_year}, isn't named here."
                )
                yield PolicyFault(f"{STATE_PROGRAM}/{file}", 1, sentence)


def load_policies(folder: Path | None = None, *, trying: bool = False) -> PolicyFolder:
    """Puts the policies of a folder in force, those shipped without one; `trying` opens those that are for it alone.

    What was read, for whoever has more to say of it.

    Raises `FaultyPolicies`: then none changes.
    """
    found = read_folder(folder or SHIPPED)
    use_policies(found.policies, trying=trying)
    use_license_words(found.license_words)
    use_zip_codes(found.zip_codes)
    state = found.exchanges[STATE_PROGRAM]
    assert isinstance(state.exchange, StateExchange), "as its file was read"
    use_exchanges({program: one.exchange for program, one in found.exchanges.items()})
    use_agreements(state.agreements)
    use_marketplace_agreements(found.exchanges[FEDERAL_PROGRAM].agreements)
    words = describe_words(state.exchange)
    use_words(words)
    use_looks({program: _describe_look(one) for program, one in found.exchanges.items()}, words)
    return found


def read_policy_folder(folder: Path) -> Sequence[ProgramPolicy]:
    """The policies in a folder. Raises `FaultyPolicies` as `read_folder`."""
    return read_folder(folder).policies


def read_folder(folder: Path) -> PolicyFolder:
    """What is in a folder of policies, by program: a file a plan year, the exchange's own, and what that names.

    Raises `FaultyPolicies` with everything that is wrong.
    """
    faults: list[PolicyFault] = []
    paths = sorted(folder.glob("*/*.toml"))
    if not folder.is_dir():
        raise FaultyPolicies([PolicyFault(str(folder), 1, "There is no such folder of policies; name another one.")])
    if len(paths) > MOST_FILES:
        sentence = f"The folder has more than {MOST_FILES} files of policies; take some out."
        raise FaultyPolicies([PolicyFault(str(folder), 1, sentence)])
    files = [
        PolicyFile(_name(path), path.parent.name, path.stem, text)
        for path in paths
        if path.name != EXCHANGE_FILE and (text := _read(path, faults)) is not None
    ]
    try:
        policies = read_policies(files)
    except FaultyPolicies as error:
        faults += error.faults
        policies = []
    exchanges = {program: one for program in EXCHANGE_MODELS if (one := _read_exchange(folder / program, faults))}
    license_words = _read_data(folder / "license_words.toml", read_license_words, faults)
    # A folder that was made before there were any has the ZIP Codes that are shipped.
    of_zip_codes = next(one / ZIP_CODES for one in (folder, SHIPPED) if (one / ZIP_CODES).exists())
    zip_codes = _read_data(of_zip_codes, read_zip_codes, faults)
    if faults or license_words is None or zip_codes is None:
        raise FaultyPolicies(faults)
    return PolicyFolder(policies, exchanges, license_words, zip_codes)


def _read_data(path: Path, read: Callable[[str, str], Data], faults: list[PolicyFault]) -> Data | None:
    """What a file of both programs holds; None where it is at fault."""
    if not path.exists():
        faults.append(PolicyFault(_name(path), 1, "There is no such file; copy the one that is shipped."))
        return None
    try:
        text = _read(path, faults)
        return None if text is None else read(_name(path), text)
    except FaultyPolicies as error:
        faults += error.faults
        return None


def _read_exchange(folder: Path, faults: list[PolicyFault]) -> ReadExchange | None:
    path = folder / EXCHANGE_FILE
    if not path.exists():
        faults.append(PolicyFault(_name(path), 1, "There is no such file; it says whose program it is."))
        return None
    before = len(faults)
    text = _read(path, faults)
    beside = {str(one.relative_to(folder)): _read(one, faults) or "" for one in _list_beside(folder)}
    pictures = {
        one.name: _read_picture(one) for one in sorted([*folder.glob("*.svg"), *folder.glob("*.png")])[:MOST_FILES]
    }
    if text is None or len(faults) > before:
        return None
    try:
        return read_exchange(ExchangeFiles(_name(path), folder.name, text, beside, pictures))
    except FaultyPolicies as error:
        faults += error.faults
        return None


def _list_beside(folder: Path) -> Iterator[Path]:
    yield from sorted([*folder.glob("agreements/*.txt"), *folder.glob("*.svg")])[:MOST_FILES]


def _describe_look(read: ReadExchange) -> Look:
    exchange, signatory = read.exchange, read.exchange.signatory
    return Look(
        name=exchange.name,
        wordmark=exchange.wordmark or dict.fromkeys(LANGUAGES, exchange.name),
        tagline=exchange.tagline,
        footer=exchange.footer.model_dump(exclude_none=True),
        header=exchange.colors.header,
        ink=exchange.colors.ink,
        accent=exchange.colors.accent,
        logo=read.logo,
        seal=read.seal,
        signatory=signatory.name if signatory else "",
        signatory_title=signatory.title if signatory else {},
        zone=ZoneInfo(exchange.time_zone),
    )


def _read(path: Path, faults: list[PolicyFault]) -> str | None:
    """The file's text, no more of it than tells that it is too long; None where it is at fault."""
    try:
        with path.open("rb") as file:
            return file.read(4 * LONGEST + 1).decode("utf-8-sig")
    except OSError:
        faults.append(PolicyFault(_name(path), 1, "The file can't be read; look at who may."))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.append(PolicyFault(_name(path), line, "This is not UTF-8; save the file as UTF-8."))
    return None


def _read_picture(path: Path) -> bytes:
    """The file's content, no more of it than tells that it is too large; nothing where it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_SEAL + 1)
    except OSError:
        return b""


def _name(path: Path) -> str:
    """As people find it: from where they are, where that is above it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
