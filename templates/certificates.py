"""Sets a certificate as one page, its looks being templates/certificate; it signs nothing and decides nothing."""

import io
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from templates.exchange import LOOKS

if TYPE_CHECKING:
    import typst

FOLDER = Path(__file__).parent / "certificate"
PDF_STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
PICTURE_PPI = 144
INK = "#12343b"


class Unprintable(Exception):
    """The page can't show its text: a letter no font has, too long an address, no such kind."""


@dataclass(frozen=True, repr=False)
class CertificateText:
    """Everything a certificate shows, and nothing else: no NPN, no e-mail.

    `language` is "en" or "es"; without `valid_until` there is no last day, and the line is left out. `addressed_as`:
    how Spanish speaks of the holder, as in `domain.shared.applicant`.
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
    addressed_as: str = ""


class Typesetter:
    """Sets pages; may be shared between threads. Nothing is loaded until the first page."""

    def __init__(self) -> None:
        self._threads = threading.local()

    def set_pdf(self, text: CertificateText) -> bytes:
        """The page as PDF/A-2a and PDF/UA-1: the same bytes for the same text. Raises `Unprintable`."""
        return self._set_page(text, "pdf")

    def set_png(self, text: CertificateText) -> bytes:
        """The page as a picture. Raises `Unprintable`."""
        return self._set_page(text, "png")

    def _set_page(self, text: CertificateText, how: Literal["pdf", "png"]) -> bytes:
        import typst

        try:
            page = self._load_compiler().compile(
                format=how,
                sys_inputs=_list_inputs(text),
                pdf_standards=PDF_STANDARDS,
                # Else the file holds the time at which it was made, and is never the same bytes again.
                timestamp=datetime.combine(text.issued_on, time(), UTC),
                ppi=PICTURE_PPI,
            )
        except (
            typst.TypstError,
            ValueError,
            KeyError,
        ):  # too long an address for a QR code; no such program or language
            raise Unprintable from None
        assert isinstance(page, bytes)
        return page

    def _load_compiler(self) -> "typst.Compiler":
        # A typst compiler may not be shared between threads.
        import typst

        compiler: typst.Compiler | None = getattr(self._threads, "compiler", None)
        if compiler is None:
            # The machine's own fonts are left out: the page must look the same everywhere.
            compiler = typst.Compiler(FOLDER / "certificate.typ", root=FOLDER, ignore_system_fonts=True)
            self._threads.compiler = compiler
        return compiler


def _list_inputs(text: CertificateText) -> dict[str, str]:
    look = LOOKS[text.program]
    return {
        "name": look.name,
        "wordmark": look.wordmark[text.language],
        "tagline": look.tagline[text.language],
        "ink": look.ink,
        "accent": look.accent,
        "logo": look.logo or "",
        "seal": look.seal or "",
        "signatory": look.signatory,
        "signatory_title": look.signatory_title.get(text.language, ""),
        "number": text.number,
        "holder": text.holder,
        "kind": text.kind,
        "program": text.program,
        "plan_year": str(text.plan_year),
        "issued_on": text.issued_on.isoformat(),
        "valid_until": text.valid_until.isoformat() if text.valid_until else "",
        "verify_url": text.verify_url,
        "language": text.language,
        "other_language": "es" if text.language == "en" else "en",
        "addressed_as": text.addressed_as,
        "qr": _draw_qr_code(text.verify_url),
    }


def _draw_qr_code(url: str) -> str:
    import segno

    drawing = io.BytesIO()
    segno.make(url, error="m", micro=False, boost_error=False).save(drawing, kind="svg", border=0, dark=INK)
    return drawing.getvalue().decode()
