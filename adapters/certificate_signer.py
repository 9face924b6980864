"""Prints a certificate as one signed PDF/A page; it decides nothing, and sets no page itself."""

import io
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adapters.http import Refused, Unavailable
from templates.certificates import CertificateText, Typesetter, Unprintable
from templates.exchange import LOOKS, STATE_PROGRAM

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

SIGNATURE_FIELD = "Signature"
# Reserved for the signature, so that it need not be made twice to learn its size.
SIGNATURE_BYTES = 16384
DEVELOPMENT_ISSUER = "Assister certification"
DEVELOPMENT_DAYS = 3650
SAMPLE = CertificateText(
    number="BW24-0000",
    holder="Sample",
    kind="broker",
    program=STATE_PROGRAM,
    plan_year=2024,
    issued_on=date(2024, 1, 1),
    valid_until=None,
    verify_url="https://example.org",
    language="en",
)


class SigningPair(NamedTuple):
    """Where a signing key and its certificate are, both PEM."""

    key_file: Path
    cert_file: Path


class CertificateSigner:
    """Prints with one signing pair; may be shared between threads.

    Nothing is loaded until the first print, which takes about a second longer, or until `prepare`.
    """

    def __init__(self, key_file: Path | str, cert_file: Path | str) -> None:
        self._pair = SigningPair(Path(key_file), Path(cert_file))
        self._typesetter = Typesetter()
        self._loading = threading.Lock()
        self._signer: SimpleSigner | None = None

    def prepare(self) -> None:
        """Loads what printing and signing need, so that nobody's certificate waits for it.

        Not to be called on an event loop's thread. A key that can't be read is the first print's to tell.
        """
        with suppress(Refused, Unavailable):
            self.print_certificate(SAMPLE)

    def print_certificate(self, text: CertificateText) -> bytes:
        """The certificate as a signed PDF (A23). Not to be called on an event loop's thread.

        Raises Refused("certificate_unprintable") for a text the page can't show, Unavailable("signing_key_unreadable")
        as long as there is no key to sign with.
        """
        return self._sign_page(self.render_page(text), LOOKS[text.program].name)

    def render_page(self, text: CertificateText) -> bytes:
        """The page before it is signed: the same bytes for the same text."""
        try:
            return self._typesetter.set_pdf(text)
        except Unprintable:
            raise Refused("certificate_unprintable", "the template can't show its text") from None

    def _sign_page(self, page: bytes, issuer: str) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter
        from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

        metadata = PdfSignatureMetadata(
            field_name=SIGNATURE_FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            name=issuer,
            # A certifying signature: it limits what may be added to the file after it.
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
    # It signs a certificate in 31 ms; an RSA key took 126.
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_ISSUER),
            x509.NameAttribute(NameOID.COMMON_NAME, "Certificates (development)"),
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
    # Made anew and empty, so that nobody else can read it from its first byte on.
    pair.key_file.unlink(missing_ok=True)
    pair.key_file.touch(mode=0o600)
    pair.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return pair
