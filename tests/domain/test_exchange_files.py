"""Whose program it is stands in files, with every fault told; the texts people accepted are as they were (E12)."""

import re
from dataclasses import replace

import pytest

from domain.federal.agreements import MARKETPLACE_AGREEMENTS
from domain.programs.exchange_files import ExchangeFiles, read_exchange, read_license_words, read_zip_codes
from domain.programs.policy_files import FaultyPolicies
from domain.shared.documents.fields import STATES
from domain.shared.documents.zip_codes import find_zip_doubts
from domain.shared.license_words import find_license_words
from domain.shared.words import fill_words
from domain.state.agreements import AGREEMENTS, CONSENT_NAME, CONSENT_TEXTS
from starter.policies import SHIPPED

TEXT = (SHIPPED / "bewellnm" / "exchange.toml").read_text("utf-8")
NAMES = ("participation.2024-1", "background_check.2026-1")
TEXTS = {f"agreements/{name}.{language}.txt": "A sample." for name in NAMES for language in ("en", "es")}
FILES = ExchangeFiles("bewellnm/exchange.toml", "bewellnm", TEXT, TEXTS)
# By these hashes acceptances are on record.
ACCEPTED = {
    ("participation", "en"): "02b29858958457f410b1ddda13b7f3ffae9d8655ed9ccaf39619b35b66391475",
    ("participation", "es"): "bc538cc189eff05ee3b73f751f923a81a4d98ae250f30c51beff03424e6451b2",
    ("background_check", "en"): "27458e0cbe3dfa6c8967b00504c1a59cdcf679046db5798d938fea1bcf197c7d",
    ("background_check", "es"): "febcf5967487b8e90bbc0cb85bc3cab8dcc3b0e24b63fa07eb5e9dfb55b8e0f6",
    ("individual_general", "en"): "d4426ae4ad79bd7610731d875af1dbfe0266c7eb076095484d74da135daa7d72",
    ("individual_general", "es"): "cffb9dcc2574f0e1fe7dd66183af032cd3cdf50eb33896f049a20d36cdce0557",
    ("individual_privacy_security", "en"): "4fe10f6a1fa899ab4110257e95095cedd0e407f155e7184ef4d8cedb23d5cb78",
    ("individual_privacy_security", "es"): "37eb72c459aa49c47020e7976cb4f98b8adef3cf294d9801d48af9616fa62e25",
    ("shop_privacy_security", "en"): "dc4f461524fbdeef854c86e932bca2ad26725b95e4e7f96cf4033e104dda6949",
    ("shop_privacy_security", "es"): "ec9d81b37080bb62c9f6cb69f61110558c2501a11985ac4be7af23f218cc1d85",
}


def faults_of(files: ExchangeFiles) -> list[str]:
    with pytest.raises(FaultyPolicies) as refused:
        read_exchange(files)
    return refused.value.list_lines()


def line_of(part: str) -> int:
    return next(number for number, line in enumerate(TEXT.split("\n"), 1) if part in line)


def test_e12_a3_b16_the_texts_that_people_accepted_are_as_they_were() -> None:
    ours = {("participation", language): text.sha256 for (_, language), text in AGREEMENTS.items()}
    consents = {(CONSENT_NAME, language): text.sha256 for language, text in CONSENT_TEXTS.items()}
    theirs = {key: text.sha256 for key, text in MARKETPLACE_AGREEMENTS.items()}
    assert ours | consents | theirs == ACCEPTED


def test_e12_every_fault_is_told_by_file_and_line() -> None:
    bad = TEXT.replace('header = "#162e51"', 'header = "blue"').replace('state_code = "NM"', 'state_code = "nm"')
    found = faults_of(replace(FILES, text=f"retired = 1\n{bad}"))
    assert [line.partition(": ")[0] for line in found] == [
        f"bewellnm/exchange.toml:{number}" for number in (1, line_of("state_code") + 1, line_of("header =") + 1)
    ]
    assert [line.split(": ")[1] for line in found] == ["retired", "state_code", "colors.header"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            'participation = { version = "2024-1", sample = true }',
            'participation = "2025-1"',
            "There is no text in agreements/participation.2025-1",
        ),
        ("participation = {", "conduct = {", "agreements.participation: Say which version is in force."),
        ('name = "beWellnm"', 'name = "beWellnm"\nseal = "seal.png"', "seal: There is no file seal.png"),
        ('name = "beWellnm"', 'name = "beWellnm"\nseal = "../seal.png"', "seal: "),
        (
            'name = "beWellnm"',
            'name = "beWellnm"\nsignatory = { name = "Sample", title = { en = "D" } }',
            "es is missing",
        ),
        ('name = "beWellnm"', 'name = "beWellnm"\nlogo = "mark.svg"', "logo: There is no SVG in mark.svg"),
        ('name = "beWellnm"', "name = = 1", "This is not TOML"),
        ('residents.es = "neomexicanos"', "", "residents: say it in en and es; es is missing."),
    ],
)
def test_e12_a_fault_is_a_sentence(before: str, after: str, words: str) -> None:
    assert before in TEXT
    found = faults_of(replace(FILES, text=TEXT.replace(before, after)))
    assert any(words in line for line in found), found
    assert all(line.startswith("bewellnm/exchange.toml:") and line.endswith(".") for line in found)


def test_a3_a_sample_is_marked_by_the_file_and_told_with_its_line() -> None:
    read = read_exchange(FILES)
    assert {text.is_sample for text in read.agreements.values()} == {True}
    assert [str(one).partition(": ")[0] for one in read.samples] == [
        f"bewellnm/exchange.toml:{line_of(f'{name} = {{')}" for name in ("participation", CONSENT_NAME)
    ]
    approved = read_exchange(replace(FILES, text=TEXT.replace(", sample = true", "")))
    assert {text.is_sample for text in approved.agreements.values()} == {False}
    assert approved.samples == ()
    # The mark is no part of what is accepted.
    assert [one.sha256 for one in approved.agreements.values()] == [one.sha256 for one in read.agreements.values()]


def test_e12_sentences_say_the_exchange_in_force() -> None:
    assert fill_words("[exchange] in [state] ([state code])") == "beWellnm in New Mexico (NM)"
    assert fill_words("[exchange in full], [residents]", "es").startswith(
        "Mercado de Seguros Médicos de Nuevo México, "
    )
    assert fill_words("[not a mark]") == "[not a mark]"


def test_p21_the_zip_codes_of_the_states_are_a_file_with_every_fault_told() -> None:
    text = (SHIPPED / "zip_codes.toml").read_text("utf-8")
    assert set(read_zip_codes("zip_codes.toml", text).prefixes) == STATES
    for wrong, said in (('NM = ["884-870"]', "prefixes.NM"), ('NM = ["87"]', "prefixes.NM"), ('XX = ["870"]', "XX")):
        with pytest.raises(FaultyPolicies, match=said):
            read_zip_codes("zip_codes.toml", re.sub(r"(?m)^NM = .*$", wrong, text))


@pytest.mark.parametrize(
    ("state", "code", "others"),
    [
        ("NM", "87501", None),
        ("NM", "88063-1234", None),
        ("NM", "75201", ("TX",)),
        ("NM", "88510", ("TX",)),
        ("AZ", "86504", None),
        ("NM", "86504", ("AZ",)),
        ("TX", "73960", None),
        ("OK", "73960", None),
        ("CT", "06390", None),
        ("NY", "06390", None),
        ("HI", "96799", None),
        ("GU", "06390", ("CT", "NY")),
        ("AE", "09012", None),
        ("NM", "00000", None),
        ("nm", "87501", None),
        ("XX", "87501", None),
    ],
)
def test_p21_a_zip_code_of_another_state_is_asked_about(state: str, code: str, others: tuple[str, ...] | None) -> None:
    address = {"state": state, "postal_code": code}
    document = {"business_address": address, "business_contact": {"address": dict(address)}, "physical_address": None}
    doubts = find_zip_doubts(document)
    assert [(one.field, one.others) for one in doubts] == (
        [("business_address.postal_code", others)] if others else []
    ), "once for both addresses"
    copied = find_zip_doubts({"physical_address": address, "business_address": dict(address)})
    assert [one.field for one in copied] == (["business_address.postal_code"] if others else []), "where it is edited"


def test_e12_e15_the_states_words_are_a_file_with_every_fault_told() -> None:
    text = (SHIPPED / "license_words.toml").read_text("utf-8")
    assert read_license_words("license_words.toml", text) == find_license_words()
    with pytest.raises(FaultyPolicies) as refused:
        read_license_words("license_words.toml", text.replace("renewal_days = 30", "renewal_days = -1"))
    line = next(number for number, one in enumerate(text.split("\n"), 1) if one.startswith("renewal_days"))
    assert [str(fault).startswith(f"license_words.toml:{line}: renewal_days: ") for fault in refused.value.faults] == [
        True
    ]
