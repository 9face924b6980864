"""One case for staff: its file, and the evidence, e-mails and certificates in it; nothing is changed here."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from fastapi.responses import Response
from starlette.exceptions import HTTPException

from db.reads.answer_files import find_answer_file
from db.reads.case_file import CaseFile, Mail, find_mail, read_case_file
from db.reads.third_parties import Evidence, find_evidence_of_case
from db.tables import SentMail
from db.writes.access_log import record_part
from starter.cases import now
from starter.registry_answers import list_answer_rows
from web.http.attachments import build_attachment
from web.http.pages import build_page_router, find_certificate_file, render_mail
from web.http.problem_pages import NO_FILE, render_problem
from web.staff.case_page import render_case
from web.staff.layout import FileVisit, ReaderVisit, StaffVisit

router = build_page_router(prefix="/staff/cases/{case_id}")

Numbered = TypeVar("Numbered", Evidence, Mail)
MOST_SHOWN = 64 * 1024  # bytes of evidence
# A page asks for what it frames at once.
FRAMED_WITHIN = timedelta(minutes=1)


@router.get("")
async def show_case(visit: ReaderVisit, case_id: str) -> Response:
    """Everything about a case, and what can be done with it."""
    return await render_case(visit, case_id)


@router.get("/evidence/{number}")
async def show_evidence(visit: FileVisit, case_id: str, number: int) -> Response:
    """What a third party answered, word for word, as text; the beginning of it where it is long."""
    database = visit.services.database
    file = await database.read(read_case_file, case_id, now())
    kept = _find_numbered(file.evidence, number)
    row = await database.read(find_evidence_of_case, case_id, kept.key)
    if row is None:
        raise _build_not_found()
    await visit.record_access("evidence", [case_id])
    text = row.raw[:MOST_SHOWN].decode("utf-8", "replace")
    cut = MOST_SHOWN if len(row.raw) > MOST_SHOWN else None
    rows = list_answer_rows(row.raw)
    return visit.render_page("staff/evidence.html", file=file, evidence=kept, rows=rows, text=text, cut=cut)


@router.get("/answers/{question}/{number}", response_class=Response)
async def download_document(visit: FileVisit, case_id: str, question: int, number: int) -> Response:
    """A document that came with an answer, to be saved."""
    found = await visit.services.database.read(find_answer_file, case_id, question, number)
    if found is None:
        raise _build_not_found()
    await visit.record_access("evidence", [case_id])
    return build_attachment(found)


@router.get("/mails/{number}")
async def show_mail(visit: FileVisit, case_id: str, number: int) -> Response:
    """An e-mail as it was sent: as text, and as the recipient's mail program shows it."""
    file, mail = await _open_mail(visit, case_id, number)
    await visit.record_access("mail", [case_id])
    return visit.render_page("staff/mail.html", file=file, mail=mail, number=number)


@router.get("/mails/{number}/html")
async def show_mail_html(visit: FileVisit, case_id: str, number: int) -> Response:
    """The HTML of an e-mail alone, as a page that may run no script and load nothing."""
    _, mail = await _open_mail(visit, case_id, number)
    # The page that frames it has just been recorded; opened alone it is a view of its own.
    at = now()
    await visit.services.database.write(record_part, visit.me.actor, "mail", case_id, at - FRAMED_WITHIN, at)
    return render_mail(mail.html, mail.language)


async def _open_mail(visit: StaffVisit, case_id: str, number: int) -> tuple[CaseFile, SentMail]:
    """The case's file and the e-mail of this number in it."""
    file = await visit.services.database.read(read_case_file, case_id, now())
    mail = await visit.services.database.read(find_mail, case_id, _find_numbered(file.mails, number).key)
    if mail is None:
        raise _build_not_found()
    return file, mail


@router.get("/certificate")
async def download_certificate(visit: FileVisit, case_id: str, number: str | None = None) -> Response:
    """The certificate as a file: the one of this number, else the newest."""
    return await _send_certificate(visit, case_id, "", number)


@router.get("/certificate/{market}")
async def download_market_certificate(
    visit: FileVisit, case_id: str, market: str, number: str | None = None
) -> Response:
    """The certificate of a market as a file (B17): the one of this number, else the newest."""
    return await _send_certificate(visit, case_id, market, number)


async def _send_certificate(visit: StaffVisit, case_id: str, market: str, number: str | None) -> Response:
    services, language = visit.services, visit.language
    file = await services.database.read(read_case_file, case_id, now())
    wanted = (one for one in reversed(file.certificates) if one.market == market and number in (None, one.number))
    issued = next(wanted, None)
    if issued is None:
        raise _build_not_found()
    printed = find_certificate_file(services, issued.uri, issued.number)
    if printed is None:
        return render_problem(services, NO_FILE, 503, language, services.describe_general_contact(language))
    await visit.record_access("certificate", [case_id])
    return printed


def _find_numbered(kept: Iterable[Numbered], number: int) -> Numbered:
    found = next((one for one in kept if one.number == number), None)
    if found is None:
        raise _build_not_found()
    return found


def _build_not_found() -> HTTPException:
    return HTTPException(404, "There is nothing of this number in this case.")
