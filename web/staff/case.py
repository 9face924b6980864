"""One case for staff: its file, and the evidence, e-mails and certificates in it; nothing is changed here."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from db.reads.case_file import Mail, find_mail, read_case_file
from db.reads.third_parties import Evidence, find_evidence_of_case
from db.writes.access_log import record_access
from starter.cases import now
from web.http.auth import StaffMember, require_permission
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, render_mail
from web.http.permissions import Permission
from web.http.problem_pages import NO_FILE, render_problem
from web.services import Services, ServicesDep
from web.staff.case_page import render_case
from web.staff.layout import render_staff_page

router = APIRouter(prefix="/staff/cases/{case_id}", include_in_schema=False, default_response_class=HTMLResponse)

Reader = Annotated[StaffMember, require_permission(Permission.READ_CASES)]
Numbered = TypeVar("Numbered", Evidence, Mail)
MOST_SHOWN = 64 * 1024  # bytes of evidence


@router.get("")
async def show_case(request: Request, services: ServicesDep, me: Reader, case_id: str) -> Response:
    """Everything about a case, and what can be done with it."""
    return await render_case(request, services, me, case_id)


@router.get("/evidence/{number}")
async def show_evidence(request: Request, services: ServicesDep, me: Reader, case_id: str, number: int) -> Response:
    """What a third party answered, word for word, as text; the beginning of it where it is long."""
    file = await services.database.read(read_case_file, case_id, now())
    kept = _find_numbered(file.evidence, number)
    row = await services.database.read(find_evidence_of_case, case_id, kept.key)
    if row is None:
        raise _build_not_found()
    await services.database.write(record_access, me.actor, "evidence", [case_id], now())
    text = row.raw[:MOST_SHOWN].decode("utf-8", "replace")
    cut = MOST_SHOWN if len(row.raw) > MOST_SHOWN else None
    return render_staff_page(request, services, me, "staff/evidence.html", file=file, evidence=kept, text=text, cut=cut)


@router.get("/mails/{number}")
async def show_mail(request: Request, services: ServicesDep, me: Reader, case_id: str, number: int) -> Response:
    """An e-mail as it was sent: as text, and as the recipient's mail program shows it."""
    file = await services.database.read(read_case_file, case_id, now())
    row = await services.database.read(find_mail, case_id, _find_numbered(file.mails, number).key)
    if row is None:
        raise _build_not_found()
    await services.database.write(record_access, me.actor, "mail", [case_id], now())
    return render_staff_page(request, services, me, "staff/mail.html", file=file, mail=row, number=number)


@router.get("/mails/{number}/html")
async def show_mail_html(services: ServicesDep, me: Reader, case_id: str, number: int) -> Response:
    """The HTML of an e-mail alone, shut in a page that can do nothing."""
    file = await services.database.read(read_case_file, case_id, now())
    row = await services.database.read(find_mail, case_id, _find_numbered(file.mails, number).key)
    if row is None:
        raise _build_not_found()
    await services.database.write(record_access, me.actor, "mail", [case_id], now())
    return render_mail(row.html, row.language)


@router.get("/certificate")
async def download_certificate(request: Request, services: ServicesDep, me: Reader, case_id: str) -> Response:
    """The certificate as a file."""
    return await _send_certificate(request, services, me, case_id, "")


@router.get("/certificate/{market}")
async def download_market_certificate(
    request: Request, services: ServicesDep, me: Reader, case_id: str, market: str
) -> Response:
    """The certificate of a market as a file (B17)."""
    return await _send_certificate(request, services, me, case_id, market)


async def _send_certificate(
    request: Request, services: ServicesDep, me: StaffMember, case_id: str, market: str
) -> Response:
    file = await services.database.read(read_case_file, case_id, now())
    issued = next((one for one in reversed(file.certificates) if one.market == market), None)
    if issued is None:
        raise _build_not_found()
    path = services.settings.certificates_dir / Path(issued.uri).name
    if not path.is_file():
        return _render_no_file(request, services)
    await services.database.write(record_access, me.actor, "certificate", [case_id], now())
    name = f"certificate-{issued.number}.pdf"
    return FileResponse(path, headers=PRIVATE, media_type="application/pdf", filename=name)


def _find_numbered(kept: Iterable[Numbered], number: int) -> Numbered:
    found = next((one for one in kept if one.number == number), None)
    if found is None:
        raise _build_not_found()
    return found


def _build_not_found() -> HTTPException:
    return HTTPException(404, "There is nothing of this number in this case.")


def _render_no_file(request: Request, services: Services) -> HTMLResponse:
    language = choose_language(request)
    return render_problem(services, NO_FILE, 503, language, services.describe_general_contact(language))
