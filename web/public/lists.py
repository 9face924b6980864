"""The federal lists for everybody, as pages, or streamed as CSV or JSON from the current publication (B8, B18–B20)."""

import csv
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC
from email.utils import format_datetime
from io import StringIO
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from pydantic import AfterValidator
from starlette.exceptions import HTTPException

from db.reads.federal.published_lists import Edition, find_current, find_tracked, stream_list
from domain.federal.lists import COLUMNS, PublishedList
from domain.shared.documents.faults import Fault
from domain.shared.documents.fields import parse_npn
from domain.shared.documents.instants import format_instant
from web.http.addresses import set_language
from web.http.auth import PUBLIC, find_way_back
from web.http.negotiation import choose_language, expects_page, has_current, prefers_json
from web.http.pages import OPEN
from web.public.list_pages import render_lists, render_tracker
from web.services import ServicesDep

router = APIRouter(prefix="/registry", tags=["federal lists"], dependencies=[PUBLIC])

CSV, JSON = "text/csv", "application/json"
LISTS = {
    "rcl": PublishedList.RCL,
    "terminations": PublishedList.TERMINATIONS,
    "find-local-help": PublishedList.FIND_LOCAL_HELP,
    "help-on-demand": PublishedList.HELP_ON_DEMAND,
}
Name = Annotated[str, Path(max_length=40, json_schema_extra={"enum": list(LISTS)})]
NPN = "[1-9][0-9]{0,9}"
Npn = Annotated[
    str,
    Path(pattern=f"^0{{0,10}}{NPN}$", description="National Producer Number, with leading zeros or without"),
    AfterValidator(lambda npn: npn.lstrip("0")),
]
PlanYear = Annotated[int | None, Query(ge=2000, le=2999, description="only this plan year's rows")]
UNKNOWN: dict[int | str, dict[str, Any]] = {304: {"description": "Still the same."}}
NOBODY: dict[int | str, dict[str, Any]] = {**UNKNOWN, 404: {"description": "The tracker doesn't know this NPN."}}

Pages = AsyncIterator[list[list[str]]]

_PAGE: dict[str, Any] = {"include_in_schema": False, "response_class": HTMLResponse}


@router.get("", **_PAGE)
async def show_lists(request: Request, services: ServicesDep) -> HTMLResponse:
    """The lists, what each is and where it is found, and the form of the tracker."""
    return render_lists(request, services, await services.database.read(find_current), LISTS)


@router.get("/tracker", **_PAGE)
async def look_up_npn(request: Request, services: ServicesDep, npn: str = "") -> Response:
    """Leads to the tracker's page of an NPN, however it is written."""
    written = parse_npn(npn[:100])
    if written is not None:
        return RedirectResponse(set_language(f"/registry/tracker/{written}", choose_language(request)), 303, OPEN)
    faults = [Fault("npn", "npn" if npn.strip() else "required")]
    return render_lists(request, services, await services.database.read(find_current), LISTS, npn[:100], faults)


@router.get("/{name}.csv", response_class=StreamingResponse, responses={**UNKNOWN, 200: {"content": {CSV: {}}}})
@router.head("/{name}.csv", include_in_schema=False)
async def download_csv(request: Request, services: ServicesDep, name: Name, plan_year: PlanYear = None) -> Response:
    """A list as CSV: a header, and a row for each registration."""
    wanted, edition = _find_list(name), await services.database.read(find_current)
    pages = stream_list(services.database, wanted, edition.number, plan_year)
    return _send_list(request, edition, name, plan_year, CSV, _stream_csv(COLUMNS[wanted], pages))


@router.get("/{name}.json", response_class=StreamingResponse, responses={**UNKNOWN, 200: {"content": {JSON: {}}}})
@router.head("/{name}.json", include_in_schema=False)
async def download_json(request: Request, services: ServicesDep, name: Name, plan_year: PlanYear = None) -> Response:
    """A list as JSON: `{list, published_at, columns, rows}`, each row an object."""
    wanted, edition = _find_list(name), await services.database.read(find_current)
    pages = stream_list(services.database, wanted, edition.number, plan_year)
    return _send_list(request, edition, name, plan_year, JSON, _stream_json(name, edition, COLUMNS[wanted], pages))


# The longer address first: the other one would take ".csv" for a part of the NPN.
@router.get("/tracker/{npn}.csv", response_class=Response, responses={**NOBODY, 200: {"content": {CSV: {}}}})
@router.head("/tracker/{npn}.csv", include_in_schema=False)
async def download_tracker_csv(
    request: Request, services: ServicesDep, npn: Npn, plan_year: PlanYear = None
) -> Response:
    """The Registration Tracker's rows of an NPN as CSV."""
    edition, rows = await _find_tracked(services, npn, plan_year)
    return _send_list(request, edition, "tracker", plan_year, CSV, _write_csv([COLUMNS[PublishedList.TRACKER], *rows]))


@router.get("/tracker/{npn}", response_class=JSONResponse, responses={**NOBODY, 200: {"content": {"text/html": {}}}})
@router.head("/tracker/{npn}", include_in_schema=False)
async def show_tracker(request: Request, services: ServicesDep, npn: Npn, plan_year: PlanYear = None) -> Response:
    """The Registration Tracker on an NPN: `{npn, published_at, rows}`, a row for each plan year; a page for people."""
    if expects_page(request) and not prefers_json(request):
        edition, rows = await services.database.read(find_tracked, npn, plan_year)
        found = _name_cells(COLUMNS[PublishedList.TRACKER], rows)
        back_url = await find_way_back(request, services, choose_language(request))
        return render_tracker(request, services, edition, npn, found, plan_year, back_url)
    edition, rows = await _find_tracked(services, npn, plan_year)
    document = {
        "npn": npn,
        "published_at": _format_publication(edition),
        "rows": _name_cells(COLUMNS[PublishedList.TRACKER], rows),
    }
    answer = _send_list(request, edition, "tracker", plan_year, JSON, json.dumps(document).encode())
    answer.headers["Vary"] = "Accept"
    return answer


def _find_list(name: str) -> PublishedList:
    if name not in LISTS:
        raise HTTPException(404, f"There is no such list; there are {', '.join(LISTS)}.")
    return LISTS[name]


async def _find_tracked(services: ServicesDep, npn: str, plan_year: int | None) -> tuple[Edition, list[list[str]]]:
    edition, rows = await services.database.read(find_tracked, npn, plan_year)
    if not rows:
        raise HTTPException(404, "The tracker doesn't know this NPN.")
    return edition, rows


def _send_list(
    request: Request,
    edition: Edition,
    name: str,
    plan_year: int | None,
    media_type: str,
    body: bytes | AsyncIterator[bytes],
) -> Response:
    """The body, with headers that name its publication; no body for HEAD, or where the reader has that one already."""
    what = "-".join(str(part) for part in (name, plan_year) if part)
    tag = f'"{what}-{edition.number}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if edition.published_at:
        headers["Last-Modified"] = format_datetime(edition.published_at.astimezone(UTC), usegmt=True)
    if has_current(request.headers, tag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{what}.{media_type.rpartition("/")[2]}"'
    if request.method == "HEAD":
        return Response(headers=headers, media_type=media_type)
    if isinstance(body, bytes):
        return Response(body, headers=headers, media_type=media_type)
    return StreamingResponse(body, headers=headers, media_type=media_type)


async def _stream_csv(columns: Sequence[str], pages: Pages) -> AsyncIterator[bytes]:
    yield _write_csv([columns])
    async for page in pages:
        yield _write_csv(page)


def _write_csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


async def _stream_json(name: str, edition: Edition, columns: Sequence[str], pages: Pages) -> AsyncIterator[bytes]:
    head = {"list": name, "published_at": _format_publication(edition), "columns": columns}
    yield f'{json.dumps(head)[:-1]}, "rows": ['.encode()
    between = ""
    async for page in pages:
        yield f"{between}{json.dumps(_name_cells(columns, page))[1:-1]}".encode()
        between = ",\n"
    yield b"]}\n"


def _name_cells(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    return [dict(zip(columns, cells, strict=True)) for cells in rows]


def _format_publication(edition: Edition) -> str | None:
    return format_instant(edition.published_at) if edition.published_at else None
