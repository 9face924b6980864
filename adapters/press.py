"""Prints a certificate as one signed PDF/A page; it decides nothing, and its looks are templates/certificate."""

import io
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adapters.http import Refused, Unavailable

if TYPE_CHECKING:
    import typst
    from pyhanko.sign.signers import SimpleSigner

TEMPLATES = Path(__file__).parent.parent / "templates" / "certificate"
PDF_STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
SIGNATURE_FIELD = "Signature"
# Reserved for the signature, so that it need not be made twice to learn its size.
SIGNATURE_BYTES = 16384
ISSUER = "beWellnm"
DEVELOPMENT_DAYS = 3650
INK = "#12343b"


@dataclass(frozen=True, repr=False)
class CertificateText:
    """Everything a certificate shows, and nothing else: no NPN, no e-mail.

    `language` is "en" or "es"; without `valid_until` there is no last day, and the line is left out.
    """

    number: str
    holder: str
    kind: str
    program: str
    plan_year: int
    issued_on: date
    valid_until: date | None
    verify_url: str
    language: str


class SigningPair(NamedTuple):
    """Where a signing key and its certificate are, both PEM."""

    key_file: Path
    cert_file: Path


class Press:
    """Prints with one signing pair; may be shared between threads.

    Nothing is loaded until the first print, which takes about a second longer.
    """

    def __init__(self, key_file: Path | str, cert_file: Path | str) -> None:
        self._pair = SigningPair(Path(key_file), Path(cert_file))
        self._loading = threading.Lock()
        self._signer: SimpleSigner | None = None
        self._threads = threading.local()

    def print(self, text: CertificateText) -> bytes:
        """The certificate as a signed PDF (A23). Not to be called on an event loop's thread.

        Raises Refused("certificate_unprintable") for a text the page can't show, Unavailable("signing_key_unreadable")
        as long as there is no key to sign with.
        """
        return self._sign(self.render(text))

    def render(self, text: CertificateText) -> bytes:
        """The page before it is signed (PDF/A-2a, PDF/UA-1): the same bytes for the same text."""
        import typst

        try:
            page = self._compiler().compile(
                format="pdf",
                sys_inputs=_inputs(text),
                pdf_standards=PDF_STANDARDS,
                timestamp=datetime.combine(text.issued_on, time(), UTC),
            )
        except (typst.TypstError, ValueError):  # a ValueError: too long an address for a QR code
            raise Refused("certificate_unprintable", "the template can't show its text") from None
        assert isinstance(page, bytes)
        return page

    def _compiler(self) -> "typst.Compiler":
        # A typst compiler may not be shared between threads.
        import typst

        compiler: typst.Compiler | None = getattr(self._threads, "compiler", None)
        if compiler is None:
            # The machine's own fonts are left out: the page must look the same everywhere.
            compiler = typst.Compiler(TEMPLATES / "certificate.typ", root=TEMPLATES, ignore_system_fonts=True)
            self._threads.compiler = compiler
        return compiler

    def _sign(self, page: bytes) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter
        from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

        metadata = PdfSignatureMetadata(
            field_name=SIGNATURE_FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            name=ISSUER,
            certify=True,
        )
        # An untagged invisible field is right for both PDF/A and PDF/UA only outside the page.
        field = SigFieldSpec(SIGNATURE_FIELD, invis_sig_settings=InvisSigSettings(box_out_of_bounds=True))
        signer = PdfSigner(metadata, self._load_signer(), new_field_spec=field)
        output = io.BytesIO()
        signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(page)), bytes_reserved=SIGNATURE_BYTES, output=output)
        return output.getvalue()

    def _load_signer(self) -> "SimpleSigner":
        from pyhanko.sign.signers import SimpleSigner

        with self._loading:
            if self._signer is None:
                self._signer = SimpleSigner.load(  # type: ignore[no-untyped-call]
                    str(self._pair.key_file), str(self._pair.cert_file)
                )
            if self._signer is None:
                raise Unavailable("signing_key_unreadable")
            return self._signer


def make_signing_pair(folder: Path | str) -> SigningPair:
    """A self-signed P-256 pair for development; one that is already in `folder` is kept."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    pair = SigningPair(Path(folder) / "signing-key.pem", Path(folder) / "signing-cert.pem")
    if pair.key_file.exists() and pair.cert_file.exists():
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ISSUER),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{ISSUER} certificates (development)"),
        ]
    )
    start = datetime.now(UTC) - timedelta(days=1)
    uses = dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=DEVELOPMENT_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=True, encipher_only=False, decipher_only=False, **uses
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    pair.key_file.unlink(missing_ok=True)
    pair.key_file.touch(mode=0o600)
    pair.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return pair


def _inputs(text: CertificateText) -> dict[str, str]:
    return {
        "number": text.number,
        "holder": text.holder,
        "kind": text.kind,
        "program": text.program,
        "plan_year": str(text.plan_year),
        "issued_on": text.issued_on.isoformat(),
        "valid_until": text.valid_until.isoformat() if text.valid_until else "",
        "verify_url": text.verify_url,
        "language": text.language,
        "qr": _qr(text.verify_url),
    }


def _qr(url: str) -> str:
    import segno

    drawing = io.BytesIO()
    segno.make(url, error="m", micro=False, boost_error=False).save(drawing, kind="svg", border=0, dark=INK)
    return drawing.getvalue().decode()
