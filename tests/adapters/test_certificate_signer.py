"""A certificate says what it must, looks the same each time, and its signature holds."""

import io
import re
import stat
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter

import pytest
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from adapters.certificate_signer import CertificateSigner, SigningPair, make_signing_pair
from adapters.http import Refused, Unavailable
from domain.shared.documents.faults import Invalid
from domain.shared.documents.seals import read_seal
from domain.state.request import parse_part
from templates.certificates import FOLDER, CertificateText
from templates.exchange import LOOKS
from tests.support.evidence import png

TEXT = CertificateText(
    number="BW24-7KQ2-M9XT-4HVA-PZ3C",
    holder="Testa Broker",
    kind="broker",
    program="bewellnm",
    plan_year=2024,
    issued_on=date(2026, 11, 21),
    valid_until=date(2027, 12, 31),
    verify_url="https://certification.example.org/certificates/BW24-7KQ2-M9XT-4HVA-PZ3C",
    language="en",
)
SPANISH = replace(TEXT, language="es", holder="Ejemplo Ñandú Consejera", kind="enrollment_counselor")
WORDS = tomllib.loads((FOLDER / "words.toml").read_text())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SigningPair:
    return make_signing_pair(tmp_path_factory.mktemp("signing"))


@pytest.fixture(scope="module")
def signer(pair: SigningPair) -> CertificateSigner:
    return CertificateSigner(*pair)


def status_of(pdf: bytes, pair: SigningPair) -> PdfSignatureStatus:
    root = load_cert_from_pemder(str(pair.cert_file))  # type: ignore[no-untyped-call]
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[root], allow_fetching=False))


def words_on(pdf: bytes) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", " ", text)


def run_together(text: str) -> str:
    """Without spaces: labels are set in small letters wide apart, which read as single ones."""
    return text.replace(" ", "").casefold()


def pages_in(pdf: bytes) -> int:
    pages = PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Count"]
    return int(pages)


@pytest.mark.parametrize("text", [TEXT, SPANISH], ids=["en", "es"])
def test_the_signature_holds(signer: CertificateSigner, pair: SigningPair, text: CertificateText) -> None:
    status = status_of(signer.print_certificate(text), pair)
    assert status.bottom_line
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.md_algorithm == "sha256"
    assert status.pkcs7_signature_mechanism == "sha256_ecdsa"


def test_it_is_a_pades_signature_by_the_exchange(signer: CertificateSigner) -> None:
    (signature,) = PdfFileReader(io.BytesIO(signer.print_certificate(TEXT))).embedded_signatures
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.sig_object["/Name"] == "beWellnm"


def test_a_changed_certificate_does_not_verify(signer: CertificateSigner, pair: SigningPair) -> None:
    pdf = signer.print_certificate(TEXT)
    forged = bytearray(pdf)
    forged[len(signer.render_page(TEXT)) // 2] ^= 1
    status = status_of(bytes(forged), pair)
    assert not status.intact
    assert not status.bottom_line


def test_another_key_does_not_verify(signer: CertificateSigner, tmp_path: Path) -> None:
    assert not status_of(signer.print_certificate(TEXT), make_signing_pair(tmp_path)).trusted


def test_the_page_is_the_same_each_time(signer: CertificateSigner, pair: SigningPair) -> None:
    page = signer.render_page(TEXT)
    assert CertificateSigner(*pair).render_page(TEXT) == page
    assert signer.render_page(SPANISH) != page
    # The signature is added after the page, and leaves it as it is.
    assert signer.print_certificate(TEXT).startswith(page)


def test_threads_do_not_mix_certificates_up(signer: CertificateSigner, pair: SigningPair) -> None:
    texts = [replace(TEXT, holder=f"Sample Agent {n}", number=f"BW24-{n:04d}") for n in range(12)]
    with ThreadPoolExecutor(4) as threads:
        printed = list(threads.map(signer.print_certificate, texts))
    for text, pdf in zip(texts, printed, strict=True):
        assert pdf.startswith(signer.render_page(text))
        assert status_of(pdf, pair).bottom_line


def test_it_declares_the_archival_and_the_accessible_profile(signer: CertificateSigner) -> None:
    page = signer.render_page(TEXT)
    assert b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in page
    assert b"<pdfuaid:part>1</pdfuaid:part>" in page


HOLDERS = {
    "short": "A B",
    "two lines": "Maximiliana Ejemplo Concepción de los Ángeles Montoya-Archuleta y Baca de la Cruz Sample III",
    "as long as a request allows": f"{'Ejemplo ' * 12}{'Sample ' * 14}".strip(),
    "without a space": "W" * 200,
    "other letters": "Ásdzą́ą́ Łitso Nguyễn Ольга",
    "markup": "#panic() *bold* $x$ </script> \\",
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_name_fits_one_page(signer: CertificateSigner, holder: str, language: str) -> None:
    assert pages_in(signer.render_page(replace(TEXT, holder=holder, language=language))) == 1


@pytest.mark.parametrize(
    ("language", "program", "kind"),
    [(lang, prog, kind) for lang in WORDS for prog, its in WORDS[lang]["programs"].items() for kind in its["kinds"]],
)
def test_every_kind_prints_in_every_language(signer: CertificateSigner, language: str, program: str, kind: str) -> None:
    assert pages_in(signer.render_page(replace(TEXT, language=language, program=program, kind=kind))) == 1


def test_both_languages_have_the_same_words() -> None:
    def keys(table: object) -> object:
        return {key: keys(value) for key, value in table.items()} if isinstance(table, dict) else None

    assert keys(WORDS["en"]) == keys(WORDS["es"])
    assert set(WORDS["en"]["programs"]["bewellnm"]["kinds"]) == {
        "agent",
        "broker",
        "enrollment_counselor",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TEXT,
            "beWellnm|Certificate of Completion|Testa Broker|Broker Plan year 2024|November 21, 2026|December 31, 2027",
        ),
        (
            SPANISH,
            "beWellnm|Certificado de finalización|Ejemplo Ñandú Consejera|Consejero/a de inscripción Año del plan 2024|"
            "21 de noviembre de 2026|31 de diciembre de 2027",
        ),
    ],
    ids=["en", "es"],
)
def test_it_says_what_it_must(signer: CertificateSigner, text: CertificateText, expected: str) -> None:
    said = words_on(signer.print_certificate(text))
    for words in [*expected.split("|"), text.number, text.verify_url]:
        assert words in said


@pytest.mark.parametrize(
    ("addressed_as", "kind"), [("feminine", "Consejera"), ("masculine", "Consejero"), ("neutral", "Consejero/a")]
)
def test_a23_it_speaks_of_its_holder_as_they_wish(signer: CertificateSigner, addressed_as: str, kind: str) -> None:
    said = words_on(signer.render_page(replace(SPANISH, addressed_as=addressed_as)))
    assert f"{kind} de inscripción Año del plan" in said
    assert "Certificate of Completion: Enrollment Counselor, plan year 2024" in said, "for who reads English"
    in_english = words_on(signer.render_page(replace(SPANISH, language="en", addressed_as=addressed_as)))
    assert f"Certificado de finalización: {kind} de inscripción, año del plan 2024" in in_english


@pytest.mark.parametrize("text", [TEXT, SPANISH], ids=["en", "es"])
def test_a23_the_exchange_s_signatory_and_seal_stand_on_it(
    signer: CertificateSigner, monkeypatch: pytest.MonkeyPatch, text: CertificateText
) -> None:
    without = signer.render_page(text)
    titles = {"en": "Director, by way of example", "es": "Dirección, de muestra"}
    seal = read_seal("seal.png", png())
    named = replace(LOOKS["bewellnm"], signatory="Sample Signatory", signatory_title=titles, seal=seal)
    monkeypatch.setitem(LOOKS, "bewellnm", named)
    page = signer.render_page(text)
    said = words_on(page)
    assert f"Sample Signatory {titles[text.language]}" in said
    assert pages_in(page) == 1
    assert (page.count(b"/Subtype/Image"), without.count(b"/Subtype/Image")) == (1, 0)
    longest = replace(named, signatory=("Ejemplo " * 10).strip())
    monkeypatch.setitem(LOOKS, "bewellnm", longest)
    assert pages_in(signer.render_page(replace(text, holder="W" * 200))) == 1


def test_e12_the_federal_one_bears_the_marketplace_s_name_and_not_the_state_s(signer: CertificateSigner) -> None:
    pdf = signer.print_certificate(replace(TEXT, program="ffm", kind="individual"))
    said = words_on(pdf)
    assert "Health Insurance Marketplace" in said
    assert "beWellnm" not in said
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    assert signature.sig_object["/Name"] == "Health Insurance Marketplace"
    assert b"beWellnm" not in pdf
    in_spanish = words_on(signer.render_page(replace(SPANISH, program="ffm", kind="individual")))
    assert "Mercado de Seguros Médicos" in in_spanish
    assert "Health Insurance Marketplace" not in in_spanish


@pytest.mark.parametrize("text", [TEXT, SPANISH], ids=["en", "es"])
def test_one_without_an_end_leaves_the_line_out(
    signer: CertificateSigner, pair: SigningPair, text: CertificateText
) -> None:
    pdf = signer.print_certificate(replace(text, valid_until=None))
    said = run_together(words_on(pdf))
    assert run_together(WORDS[text.language]["issued_on"]) in said
    assert run_together(WORDS[text.language]["valid_until"]) not in said
    assert run_together(WORDS[text.language]["valid_until"]) in run_together(words_on(signer.print_certificate(text)))
    assert status_of(pdf, pair).bottom_line
    assert pages_in(pdf) == 1


@pytest.mark.parametrize(
    "text",
    [
        replace(TEXT, kind="pilot"),
        replace(TEXT, language="fr"),
        replace(TEXT, program="other"),
        replace(TEXT, holder=" "),
        replace(TEXT, holder="王小明"),  # no font at hand has these letters, and an archival page may not lack any
        replace(TEXT, verify_url="https://certification.example.org/" + "x" * 3000),
    ],
    ids=["kind", "language", "program", "no name", "letters", "address"],
)
def test_what_the_page_cannot_show_is_refused(signer: CertificateSigner, text: CertificateText) -> None:
    with pytest.raises(Refused) as raised:
        signer.print_certificate(text)
    assert raised.value.code == "certificate_unprintable"
    assert text.holder.strip() == "" or text.holder not in str(raised.value)


def test_a_missing_key_may_still_come(tmp_path: Path) -> None:
    signer = CertificateSigner(tmp_path / "key.pem", tmp_path / "cert.pem")
    with pytest.raises(Unavailable, match="signing_key_unreadable"):
        signer.print_certificate(TEXT)
    made = make_signing_pair(tmp_path)
    made.key_file.rename(tmp_path / "key.pem")
    made.cert_file.rename(tmp_path / "cert.pem")
    assert signer.print_certificate(TEXT).startswith(b"%PDF")


def test_the_development_pair_is_made_once_and_private(tmp_path: Path) -> None:
    pair = make_signing_pair(tmp_path / "new")
    key = pair.key_file.read_bytes()
    assert stat.S_IMODE(pair.key_file.stat().st_mode) == 0o600
    assert make_signing_pair(tmp_path / "new") == pair
    assert pair.key_file.read_bytes() == key


def test_it_loads_nothing_heavy_before_it_prints() -> None:
    heavy = "{'typst', 'pyhanko', 'segno', 'cryptography'}"
    code = f"import sys, adapters.certificate_signer; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_certificate_says_little_in_logs() -> None:
    assert "Testa" not in repr(TEXT)


@pytest.mark.bench
def test_printing_is_quick(signer: CertificateSigner) -> None:
    signer.print_certificate(TEXT)
    times = []
    for n in range(30):
        start = perf_counter()
        signer.print_certificate(replace(TEXT, holder=f"Sample Agent {n}", number=f"BW24-{n:04d}"))
        times.append(perf_counter() - start)
    assert sorted(times)[len(times) // 2] < 0.060


def test_every_character_the_form_takes_in_a_name_can_be_shown(signer: CertificateSigner) -> None:
    taken = [kept for code in range(0x20, 0x3000) if (kept := _keep(chr(code)))]
    assert len(taken) > 1500
    for start in range(0, len(taken), 60):
        signer.render_page(replace(TEXT, holder="A".join(["", *taken[start : start + 60]])))


def _keep(character: str) -> str | None:
    """What is kept of it in a name, a space for any white space; None where it isn't taken."""
    try:
        return str(parse_part("broker", {"first_name": f"A{character}B"})["first_name"])[1:-1]
    except Invalid:
        return None
